// A child process that is sent frames over Node's IPC channel, serialised by structured clone.

import { Arrivals } from './stamp.mjs';

const arrivals = new Arrivals();
process.on('message', (message) => {
  if (message === 'collect') process.send(arrivals.collect());
  else arrivals.note(message);
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
