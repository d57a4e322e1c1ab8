// Runs the three functions of the core that have a fence, once each: node arm64-fences.mjs with|without. "without" runs the same module
// with its fences blanked out, so that what differs in the machine code is theirs. Prints how many fences the module has.

import { runFenced } from '../support/core-fences';
import { coreBytes } from '../support/core-modules';

const release = coreBytes('release');
const unfenced = coreBytes('unfenced');
runFenced(process.argv[2] === 'without' ? unfenced : release);
console.log(release.filter((byte, i) => byte !== unfenced[i]).length / 3);
