// A package registry on the loopback, with what an installation of ours needs and nothing else: so npm, Deno and Bun install the
// tarball as they would from the real one, from nothing, without the network.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** What a registry tells of one version: its package.json, and where the tarball is. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

/** The part of an entry of package-lock.json that tells of a package for another platform. */
interface Locked {
  readonly version: string;
  readonly integrity: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/** What `npm pack --json` prints of one package. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly integrity: string;
  readonly shasum: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number; readonly mode: number }[];
}

/** Packs the package as it stands, and what it depends on as that is installed here. Builds nothing. */
export function pack(destination: string): Packed[] {
  const folders = ['.', 'node_modules/koffi', `node_modules/${NATIVE}`].map((path) => (path === '.' ? path : `./${path}`));
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', destination, ...folders], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output) as Packed[];
}

/** koffi's binary for this machine. */
export const NATIVE = `@koromix/koffi-linux-${process.arch}`;

export class Registry implements AsyncDisposable {
  /** Every path that was asked for, in order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #documents = new Map<string, (origin: string) => object>();
  readonly #tarballs = new Map<string, Buffer>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', ({ url = '/' }, response) => this.#answer(decodeURIComponent(url.replace(/\?.*$/, '')), response));
  }

  /** Serves the packages that were packed into `folder`. */
  static async open(folder: string, packages: readonly Packed[]): Promise<Registry> {
    const server = createServer();
    const registry = new Registry(server);
    for (const packed of packages) registry.#add(folder, packed);
    registry.#addOtherPlatforms();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  #add(folder: string, { filename, name, integrity, shasum }: Packed): void {
    const tarball = readFileSync(join(folder, filename));
    const hash = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    if (hash !== integrity) throw new Error(`${filename}: npm pack promised ${integrity}, the file has ${hash}`);
    // What a registry knows of a package is the package.json in the tarball.
    const text = execFileSync('tar', ['xzfO', join(folder, filename), 'package/package.json'], { encoding: 'utf8' });
    const manifest = JSON.parse(text) as Manifest & { scripts?: { install?: string } };
    this.#tarballs.set(`/-/${filename}`, tarball);
    this.#describe(name, { ...manifest, hasInstallScript: manifest.scripts?.install !== undefined }, filename, {
      integrity,
      shasum,
    });
  }

  /** koffi's binaries for other machines, as package-lock.json knows them: described, as by any registry, and not here. */
  #addOtherPlatforms(): void {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
    for (const [path, { version, integrity, os, cpu }] of Object.entries(lock.packages)) {
      const name = path.replace('node_modules/', '');
      if (!name.startsWith('@koromix/') || this.#documents.has(`/${name}`)) continue;
      this.#describe(name, { name, version, os, cpu }, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`, {
        integrity,
      });
    }
  }

  #describe(name: string, manifest: Manifest, filename: string, sums: object): void {
    const { version } = manifest;
    this.#documents.set(`/${name}`, (origin) => ({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { _id: `${name}@${version}`, ...manifest, dist: { tarball: `${origin}-/${filename}`, ...sums } } },
      time: { [version]: '2020-01-01T00:00:00.000Z' },
    }));
  }

  #answer(path: string, response: ServerResponse): void {
    this.requests.push(path);
    const tarball = this.#tarballs.get(path);
    const document = this.#documents.get(path);
    if (tarball !== undefined) {
      response.setHeader('content-type', 'application/octet-stream').end(tarball);
    } else if (document !== undefined) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document(this.origin)));
    } else {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }
}
