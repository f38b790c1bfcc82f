/** A proxy between a client and its server that loses answers: what was asked is done, and nobody hears of it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** How many answers were lost. */
  readonly lost: number;
  close(): Promise<void>;
}

/** @param loses asked of each piece that a client sends; the answer to it is dropped, and the connection ended */
export async function startProxy(
  port: number,
  host: string,
  loses: (asked: Buffer) => boolean,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let lost = 0;
  const server = createServer((client) => {
    const upstream = connect(port, host);
    let dropping = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (asked) => {
      dropping ||= loses(asked);
      upstream.write(asked);
    });
    upstream.on('data', (answer) => {
      if (!dropping) return void client.write(answer);
      lost++;
      end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get lost() {
      return lost;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
