// Publishes events: each is in a queue when this program ends with exit code 0.
using System.Text.Json;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

var url = Environment.GetEnvironmentVariable("AMQP_URL") ?? throw new InvalidOperationException("AMQP_URL is not set");
var exchange = Environment.GetEnvironmentVariable("EXCHANGE") ?? "events";

var factory = new ConnectionFactory { Uri = new Uri(url) };
await using var connection = await factory.CreateConnectionAsync();
await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(
    publisherConfirmationsEnabled: true,
    publisherConfirmationTrackingEnabled: true));

foreach (var file in args)
{
    try
    {
        await PublishAsync(await File.ReadAllBytesAsync(file));
        Console.WriteLine($"{file}: published");
    }
    catch (PublishException error) when (error.IsReturn)
    {
        Console.Error.WriteLine($"{file}: no queue is bound to {exchange} for this event");
        return 1;
    }
}

return 0;

// Completes once the broker has confirmed the event. Throws if no queue took it.
async Task PublishAsync(ReadOnlyMemory<byte> body)
{
    using var receipt = JsonDocument.Parse(body);
    var type = receipt.RootElement.GetProperty("type").GetString()!;
    var properties = new BasicProperties
    {
        ContentType = "application/json",
        Persistent = true,
        MessageId = receipt.RootElement.GetProperty("id").GetString(),
        Type = type,
        Timestamp = new AmqpTimestamp(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
    };
    await channel.BasicPublishAsync(exchange, routingKey: type, mandatory: true, properties, body);
}
