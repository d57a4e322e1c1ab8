// Records the session again: node scripts/run.mjs test/wire/recorded/record.ts

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { WIRE_CONFIGURATION, WIRE_DOMAIN, wireTools } from '../support/peers';

const SESSION = 'test/wire/recorded/session.json';

const tools = wireTools();
if (tools === null) process.exit(1);
const env = { ...process.env, CYCLONEDDS_URI: WIRE_CONFIGURATION };
writeFileSync(SESSION, execFileSync(tools.record, ['--domain', String(WIRE_DOMAIN)], { env }));
execFileSync('npx', ['biome', 'format', '--write', SESSION], { stdio: 'inherit' });
