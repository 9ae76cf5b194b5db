// Publishes events: each is in a queue when this program ends with exit code 0.
import { readFile } from "node:fs/promises";
import amqp from "amqplib";

const { AMQP_URL, EXCHANGE = "events" } = process.env;

const connection = await amqp.connect(AMQP_URL);
const channel = await connection.createConfirmChannel();

// The broker returns an unroutable event before it confirms it.
const returned = new Set();
channel.on("return", (message) => returned.add(message.properties.messageId));

/** Resolves once the broker has confirmed the event. Rejects if no queue took it. */
async function publish(body) {
  const { id, type } = JSON.parse(body);
  await new Promise((resolve, reject) => {
    const options = {
      contentType: "application/json",
      persistent: true,
      mandatory: true,
      messageId: id,
      type,
      timestamp: Math.floor(Date.now() / 1000),
    };
    channel.publish(EXCHANGE, type, body, options, (error) => (error ? reject(error) : resolve()));
  });
  if (returned.delete(id)) {
    throw new Error(`no queue is bound to ${EXCHANGE} for this event`);
  }
}

try {
  for (const file of process.argv.slice(2)) {
    await publish(await readFile(file)).catch((error) => {
      throw new Error(`${file}: ${error.message}`);
    });
    console.log(`${file}: published`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await connection.close();
}
