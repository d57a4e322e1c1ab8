"""Python's side of the wire, driven by lines of JSON on standard input; one answer each on standard output, {"error": …} where it
went wrong. The operations and their answers are listed in test/wire/support/peers.ts.

    TIPC_DDS_LIBRARY=libtipcdds.so python3 peer.py --domain 7 --fast
"""

import argparse
import hashlib
import json
import os
import sys
import threading
import time

from tipc_peer import Consumer, Dds, Metadata, Producer
from tipc_peer.frames import frame_of, seed_of
from tipc_peer.posix import die_with_parent
from tipc_peer.producer import CONSTRUCTION_S

#: A participant whose receive thread never comes back cannot be deleted.
EXIT_S = 2.0


def now_us():
    return time.monotonic_ns() / 1000


class Peer:
    def __init__(self, domain, delay_s):
        self.dds = Dds(domain)
        self.delay_s = delay_s
        self.pool = None
        self.received = []

    def op_produce(self, name, shape, dtype, history_len=1, backend="numpy", keep_last=10):
        self._one_pool()
        metadata = Metadata.of(name, shape, dtype, history_len, backend)
        self.pool = Producer(metadata, self.dds, keep_last, self.delay_s)
        return {"pid": os.getpid(), "total_size": metadata.total_size}

    def op_consume(self, name, shape, dtype, history_len=1, backend="numpy", keep_last=10, callback=False, check="full"):
        self._one_pool()
        metadata = Metadata.of(name, shape, dtype, history_len, backend)
        head_only = check == "head"

        def on_frame(window):
            at_us = now_us()
            # get() gives None where it fails, and the callback is called all the same.
            seed = "none" if window is None else seed_of(window[0], head_only)
            self.received.append({"slot": self.pool.latest, "seed": seed, "at_us": at_us})

        self.pool = Consumer(metadata, self.dds, on_frame if callback else None, keep_last)
        return {"pid": os.getpid(), "attached": self.pool.attached}

    def _one_pool(self):
        if self.pool is not None:
            raise RuntimeError("one pool per process")

    def _frame(self, seed):
        return frame_of(seed, self.pool.metadata.shape, self.pool.metadata.dtype_str)

    def op_put(self, seed, shape=None, dtype=None):
        metadata = self.pool.metadata
        frame = frame_of(seed, metadata.shape if shape is None else shape, dtype or metadata.dtype_str)
        at_us = now_us()
        slot = self.pool.put(frame)
        return {"slot": slot, "at_us": at_us, "put_us": now_us() - at_us}

    def op_put_many(self, count, rate_hz=0, seed=0, times=False):
        started = time.monotonic()
        at_us, put_us = [], []
        for index in range(count):
            frame = self._frame(seed + index)
            if rate_hz > 0:
                time.sleep(max(0.0, started + index / rate_hz - time.monotonic()))
            at = now_us()
            self.pool.put(frame)
            if times:
                at_us.append(at)
                put_us.append(now_us() - at)
        return {"count": count, **({"at_us": at_us, "put_us": put_us} if times else {})}

    def op_announce(self):
        self.pool.publish_metadata(at_once=True)
        return {}

    def op_get(self, history_len=1, latest_first=True, hash=False):
        started = now_us()
        window = self.pool.get(history_len, latest_first)
        took = now_us() - started
        if window is None:
            return {"frames": None}
        answer = {"get_us": took, "frames": [seed_of(frame) for frame in window]}
        if hash:
            answer["sha256"] = [hashlib.sha256(frame.tobytes()).hexdigest() for frame in window]
        return answer

    def op_get_many(self, count, history_len=1):
        windows = 0
        for _ in range(count):
            if self.pool.get(history_len) is None:
                time.sleep(0.001)
            else:
                windows += 1
        return {"windows": windows}

    def op_callbacks(self, clear=False):
        received = list(self.received)
        if clear:
            del self.received[: len(received)]
        return {"received": received}

    def op_hold_reader(self, slot):
        lock = self.pool.locks.slots[slot]
        held = lock.ensure()
        if held:
            lock.lock_read()
        return {"held": held}

    def op_hold_writer(self, slot):
        lock = self.pool.locks.slots[slot]
        held = lock.ensure()
        if held:
            lock.lock_write()
        return {"held": held}

    def op_release(self, slot):
        lock = self.pool.locks.slots[slot]
        (lock.unlock_write if isinstance(self.pool, Producer) else lock.unlock_read)()
        return {}

    def op_stats(self):
        pool = self.pool
        answer = {"pid": os.getpid()}
        if isinstance(pool, Producer):
            ends = (pool.meta_writer, pool.progress_writer)
            answer["slot"] = pool.current
        else:
            ends = (pool.meta_reader, pool.progress_reader)
            answer.update(slot=pool.latest, connected=pool.connected, callbacks=len(self.received))
        is_writer = isinstance(pool, Producer)
        answer.update(matched_meta=self.dds.matched(ends[0], is_writer), matched_progress=self.dds.matched(ends[1], is_writer))
        return answer

    def op_cleanup(self):
        if self.pool is not None:
            self.pool.cleanup()
        return {}

    def answer(self, line):
        request = json.loads(line)
        op = request.pop("op", "?")
        try:
            handler = getattr(self, f"op_{op}", None)
            if handler is None:
                raise ValueError("no such operation")
            return {"op": op, **handler(**request)}
        except Exception as error:
            return {"op": op, "error": f"{type(error).__name__}: {error}"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--domain", type=int, default=int(os.environ.get("TIPC_DOMAIN", "0")))
    parser.add_argument("--fast", action="store_true", help="do not wait 1.2 s in the producer's constructor")
    args = parser.parse_args()
    die_with_parent()
    peer = Peer(args.domain, 0.0 if args.fast else CONSTRUCTION_S)
    for line in sys.stdin:
        if json.loads(line).get("op") == "exit":
            break
        print(json.dumps(peer.answer(line)), flush=True)
    peer.op_cleanup()
    print(json.dumps({"op": "exit"}), flush=True)
    # Deleting the participant waits for a listener that may never return.
    given_up = threading.Timer(EXIT_S, os._exit, [0])
    given_up.daemon = True
    given_up.start()
    peer.dds.close()
    os._exit(0)


if __name__ == "__main__":
    main()
