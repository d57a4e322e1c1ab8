"""One end of an iceoryx2 service of raw frames: iceoryx2_peer.py writer|reader SERVICE BYTES wait|poll.

Serves lines, as cyclone_peer.c does:
  writer:  run RATE COUNT   sends COUNT frames at that pace, and answers COUNT
  reader:  collect          answers the latencies, in ns, of the frames since the last time
"""

import ctypes
import struct
import sys
import threading
import time

import iceoryx2 as iox2

role, name, size, wake = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
iox2.set_log_level_from_env_or(iox2.LogLevel.Error)
node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
frames = node.service_builder(iox2.ServiceName.new(name)).publish_subscribe(iox2.Slice[ctypes.c_uint8]).open_or_create()
bell = node.service_builder(iox2.ServiceName.new(name + "/bell")).event().open_or_create()


def write_all():
    publisher = frames.publisher_builder().initial_max_slice_len(size).create()
    notifier = bell.notifier_builder().create()
    print(1, flush=True)
    for line in sys.stdin:
        _, rate, count = line.split()
        period, count = 1e9 / float(rate), int(count)
        due = time.monotonic_ns() + period
        for _ in range(count):
            while (left := due - time.monotonic_ns()) > 0:
                time.sleep(left / 1e9)
            sample = publisher.loan_slice_uninit(size)
            memory = (ctypes.c_uint8 * size).from_address(sample.payload().data_ptr)
            memory[size - 1] = 1
            struct.pack_into("<d", memory, 0, float(time.monotonic_ns()))
            sample.assume_init().send()
            if wake == "wait":
                notifier.notify()
            due = max(due + period, time.monotonic_ns())
        print(count, flush=True)


def read_all():
    latencies = []
    subscriber = frames.subscriber_builder().create()
    listener = bell.listener_builder().create()

    def take():
        while (sample := subscriber.receive()) is not None:
            memory = (ctypes.c_uint8 * size).from_address(sample.payload().data_ptr)
            sent = struct.unpack_from("<d", memory, 0)[0]
            latencies.append(time.monotonic_ns() - sent)
            sample.delete()

    def loop():
        while True:
            if wake == "wait":
                listener.timed_wait(iox2.Duration.from_millis(1000))
            take()

    threading.Thread(target=loop, daemon=True).start()
    print(1, flush=True)
    for _ in sys.stdin:
        taken, latencies[:] = latencies[:], []
        print(*(taken or [-1]), flush=True)


(write_all if role == "writer" else read_all)()
