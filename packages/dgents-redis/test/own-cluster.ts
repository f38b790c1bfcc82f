/** A Cluster of three masters of a test's own. Whoever starts it stops it. */
import { freePort, OwnRedis, type Settings } from './own-redis.js';

const MASTERS = 3;
const SLOTS = 16_384;

export class OwnCluster {
  private constructor(readonly masters: readonly OwnRedis[]) {}

  static async start(ports: readonly number[] = [], settings: Settings = {}): Promise<OwnCluster> {
    const masters: OwnRedis[] = [];
    try {
      for (let i = 0; i < MASTERS; i++) {
        const more = {
          'cluster-enabled': 'yes',
          'cluster-port': await freePort(),
          'cluster-node-timeout': 2_000,
        };
        masters.push(await OwnRedis.start({ ...settings, ...more }, ports[i]));
      }
      const cluster = new OwnCluster(masters);
      await cluster.#join();
      return cluster;
    } catch (error) {
      for (const each of masters) await each.remove();
      throw error;
    }
  }

  get ports(): number[] {
    return this.masters.map(({ port }) => port);
  }

  get nodes(): { host: string; port: number }[] {
    return this.ports.map((port) => ({ host: '127.0.0.1', port }));
  }

  async #join(): Promise<void> {
    for (const [i, master] of this.masters.entries()) {
      const [from, to] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / MASTERS)) as [number, number];
      await master.say('cluster', 'ADDSLOTSRANGE', from, to - 1);
      await master.say('cluster', 'SET-CONFIG-EPOCH', i + 1);
    }
    const [first, ...others] = this.masters as [OwnRedis, ...OwnRedis[]];
    for (const other of others) {
      const [, bus = ''] = (await other.say('config', 'GET', 'cluster-port')) as string[];
      await first.say('cluster', 'MEET', '127.0.0.1', other.port, bus);
    }
    await this.whole();
  }

  /** Resolves when every node finds every slot served. */
  async whole(): Promise<void> {
    for (const master of this.masters) {
      for (;;) {
        const info = String(await master.say('cluster', 'INFO'));
        const isWhole = info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`);
        if (isWhole) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async remove(): Promise<void> {
    for (const master of this.masters) await master.remove();
  }
}
