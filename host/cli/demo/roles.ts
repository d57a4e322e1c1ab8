// The commands with which the demo starts its own children. Not for people.

import { defineCommand } from '../command';
import { runChild } from './channel';
import { runConsumer } from './consumer';
import type { ConsumerConfig, FromConsumer, FromProducer, ProducerConfig, ToConsumer, ToProducer } from './messages';
import { runProducer } from './producer';

export const PRODUCER_ROLE = 'demo-producer';
export const CONSUMER_ROLE = 'demo-consumer';

const about = { usage: 'CONFIG', options: {}, examples: [], hidden: true } as const;

/** The parent's configuration comes as one argument, so that `ps` shows what each process is for. */
function configOf<T>([json = '{}']: readonly string[]): T {
  return JSON.parse(json) as T;
}

export const demoProducerCommand = defineCommand({
  ...about,
  name: PRODUCER_ROLE,
  summary: 'The producer process of the demo.',
  run: (_, args) => runChild<ToProducer, FromProducer>((channel) => runProducer(configOf<ProducerConfig>(args), channel)),
});

export const demoConsumerCommand = defineCommand({
  ...about,
  name: CONSUMER_ROLE,
  summary: 'A consumer process of the demo.',
  run: (_, args) => runChild<ToConsumer, FromConsumer>((channel) => runConsumer(configOf<ConsumerConfig>(args), channel)),
});
