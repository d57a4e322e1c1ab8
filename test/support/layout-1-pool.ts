// The object of a pool of layout 1, as the last version with that layout left it: commit 5096823 of this repository, Node 20.20, x64,
// TensorProducer.fromSample('camera', new Float32Array(1024), { historyLen: 1 }), three frames put, the file copied while the producer lived.

import { gunzipSync } from 'node:zlib';

const RECORDED = [
  'H4sIAAAAAAACA+2bsUvcUBzHXzwtIlJ0EIQu5bcaJWdFMB0qdbEgVapT9cDXuxcMeJcjeRVSEZzt0r2TYP8LB4dCR5cO/gui2EUodLEk926oyx',
  'VKB4/PBz5883KXfP6Bu43X629erS1VPaXUYGXAmz7ePnr6eOv5yeXU118/386obVVyJkqdFxcDSi0WK0pVig06n6uxP9dz17XTL+0nH8Mgv4m+',
  'XY1fT6p7PFL/huf8vto5T54vH3tjCv6Su3vQp0+fPn369OnTp0+fPn369OnTp0+fPn369OnTp0+fPn369B9ef9htxe3Fp+vy9xPd7cWI20G3S5',
  '9vyue624tRt0Nubyd+lM91txf7EiVpU1sJxZpWlqTTcbsuvuyZNIuTloRVX1q6aSSUum6aVIsvDbMX18s77ffiy06c2STNV0zn2+64phsSygeT',
  'JuJLlOqmeZlbk0k4FyzM+xLFZreRSbi53319Q9vy5TZvF8doN9H22az4ku3o4s5mNZidq/nyLrdmNYoyYyUMOkf31oPagQIAAAAAAPh/HL5ARE',
  'RERERExH63/Ds/IiIiIiIiIva1i4iIiIiIiIjY5/4GW2eWbgBgAAA=',
].join('');

/** Its bytes: 24576, whole as a pool's are. */
export function layout1Pool(): Buffer {
  return Buffer.from(gunzipSync(Buffer.from(RECORDED, 'base64')));
}
