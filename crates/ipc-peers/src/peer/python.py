# Processes around a multiprocessing.Queue. Words: producers, consumers, bytes of an item or `packet`.
# Each line of standard input is a lap of so many items; a line of figures answers it.
import json
import multiprocessing
import sys
import time


def blank(size):
    if size == "packet":
        return lambda n: (n, float(n), "a name of thirty-two characters.", [0.5] * 16, 7, "fourteen chars")
    rest = bytes(int(size) - 8)
    return lambda n: n.to_bytes(8, "little") + rest


def number(size, item):
    return item[0] if size == "packet" else int.from_bytes(item[:8], "little")


def send(queue, size, count):
    make = blank(size)
    for n in range(count):
        queue.put(make(n))
    return 0


def receive(queue, size, count):
    return sum(number(size, queue.get()) for _ in range(count))


def work(act, queue, size, orders):
    orders.send(None)
    while True:
        count = orders.recv()
        if count is None:
            break
        cpu, begun = time.process_time(), time.monotonic()
        total = act(queue, size, count)
        orders.send((begun, time.monotonic(), time.process_time() - cpu, total))


def main():
    producers, consumers, size = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    context = multiprocessing.get_context("fork")
    queue = context.Queue(1024)
    workers = []
    for act in [receive] * consumers + [send] * producers:
        here, there = context.Pipe()
        context.Process(target=work, args=(act, queue, size, there), daemon=True).start()
        here.recv()
        workers.append(here)
    print("ready", flush=True)
    for line in sys.stdin:
        items = int(line)
        for place, worker in enumerate(workers):
            worker.send(items // (consumers if place < consumers else producers))
        laps = [worker.recv() for worker in workers]
        begun = min(lap[0] for lap in laps[consumers:])
        ended = max(lap[1] for lap in laps[:consumers])
        cpu, total = sum(lap[2] for lap in laps), sum(lap[3] for lap in laps)
        print(json.dumps({"begun": begun, "ended": ended, "cpu": cpu, "sum": total, "values": []}), flush=True)
    for worker in workers:
        worker.send(None)


main()
