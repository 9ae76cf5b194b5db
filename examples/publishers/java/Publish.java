import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;

/** Publishes receipts: each is in a queue when this program ends with exit code 0. */
public class Publish {
    private static final String TYPE = "receipt.settled.v1";
    private static final long CONFIRM_TIMEOUT_MS = 10_000;

    private final Channel channel;
    private final String exchange;
    /** Message ids of unroutable events, which the broker returns before it confirms them. */
    private final Set<String> returned = ConcurrentHashMap.newKeySet();

    Publish(Channel channel, String exchange) throws IOException {
        this.channel = channel;
        this.exchange = exchange;
        channel.confirmSelect();
        channel.addReturnListener(message -> returned.add(message.getProperties().getMessageId()));
    }

    /** Returns once the broker has confirmed the event. Throws if no queue took it. */
    void publish(String id, byte[] body) throws IOException, InterruptedException, TimeoutException {
        BasicProperties properties = new BasicProperties.Builder()
                .contentType("application/json")
                .deliveryMode(2) // persistent
                .messageId(id)
                .type(TYPE)
                .timestamp(new Date())
                .build();
        channel.basicPublish(exchange, TYPE, /* mandatory */ true, properties, body);
        channel.waitForConfirmsOrDie(CONFIRM_TIMEOUT_MS);
        if (returned.remove(id)) {
            throw new IOException("no queue is bound to " + exchange + " for " + TYPE);
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: Publish EVENT-ID FILE");
            System.exit(2);
        }
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        String exchange = System.getenv().getOrDefault("EXCHANGE", "events");
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            new Publish(channel, exchange).publish(arguments[0], Files.readAllBytes(Path.of(arguments[1])));
            System.out.println(arguments[1] + ": published");
        }
    }
}
