// Validates PDFs with veraPDF's library. Arguments: a flavour (3u, ua1 ...) and files. Prints the files that fail, and
// which rules. Exit code 1 where one fails.
import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

public class Validate {
    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.byFlavourId(arguments[0]);
        int passed = 0;
        int failed = 0;
        for (int i = 1; i < arguments.length; i++) {
            ValidationResult result;
            try (PDFAParser parser = Foundries.defaultInstance().createParser(new File(arguments[i]), flavour)) {
                result = Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
            }
            if (result.isCompliant() && result.getTotalAssertions() > 0) {
                passed++;
                continue;
            }
            failed++;
            Map<String, Integer> rules = new TreeMap<>();
            for (TestAssertion assertion : result.getTestAssertions()) {
                if (assertion.getStatus() == TestAssertion.Status.FAILED) {
                    String rule = assertion.getRuleId().getClause() + "-" + assertion.getRuleId().getTestNumber();
                    rules.merge(rule + " " + assertion.getMessage(), 1, Integer::sum);
                }
            }
            System.out.println(arguments[i] + " is no " + flavour.getId());
            rules.forEach((rule, times) -> System.out.println("  " + times + " x " + rule));
        }
        System.out.println(flavour.getId() + ": " + passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}
