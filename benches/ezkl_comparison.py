"""Compares `sotto strategy prove` with EZKL on the same networks, one inference each, weights committed in both.

    pip install ezkl onnx numpy
    python benches/ezkl_comparison.py --sotto target/release/sotto

Every proof is made in a process of its own, whose peak memory is what the system counted for it. EZKL hides the weights
behind a hash (`hashed`); its keys and its reference string are made beforehand and reported apart. sotto proves the leaf
(the inference) in a process of its own, and in another one leaf, sheet (the recursive proof around it) and wrap, until the
proof that a contract verifies.

Each row goes to stderr as it comes, and to `--rows`, a JSON object a line, so that a run that is interrupted leaves what it
measured. At the end a Markdown table and, in the last line, JSON on stdout. The search for the largest network that EZKL
completes ends with `--budget-seconds`, counted from the start: EZKL's process is ended when they are over.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NETWORKS = [(16, 32, 16, 1), (32, 64, 64, 1)]
# Tried in this order for the largest network that EZKL completes within the limit.
LADDER = [(32, 96, 96, 1), (32, 80, 80, 1), (32, 72, 72, 1)]
SEED = 0


def parameters(widths):
    """Weights and biases."""
    return sum((a + 1) * b for a, b in zip(widths, widths[1:]))


def network(widths, rng):
    """A random ReLU network as an ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, tensors, value = [], [], "x"
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        weights = (rng.standard_normal((a, b)) / np.sqrt(a)).astype(np.float32)
        biases = (0.1 * rng.standard_normal(b)).astype(np.float32)
        tensors += [numpy_helper.from_array(weights, f"w{i}"), numpy_helper.from_array(biases, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"sum{i}"]))
        value = f"sum{i}"
        if i + 2 < len(widths):
            nodes.append(helper.make_node("Relu", [value], [f"active{i}"]))
            value = f"active{i}"
    tensor = helper.make_tensor_value_info
    entry = tensor("x", TensorProto.FLOAT, [1, widths[0]])
    graph = helper.make_graph(nodes, "network", [entry], [tensor(value, TensorProto.FLOAT, [1, 1])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def prepare(folder, widths):
    """Writes the network and small whole numbers as its inputs."""
    rng = np.random.default_rng(SEED)
    (folder / "model.onnx").write_bytes(network(widths, rng).SerializeToString())
    x = rng.integers(-4, 5, (200, widths[0])).astype(np.float32)
    np.savez(folder / "x.npz", X=x)
    (folder / "input.json").write_text(json.dumps({"input_data": [x[0].tolist()]}))


def timed(row, name, call, *args, **options):
    """Calls, and notes the seconds."""
    start = time.perf_counter()
    call(*args, **options)
    row[name] = round(time.perf_counter() - start, 3)


def prove_with_ezkl(folder):
    """All of EZKL's steps, in this process; prints the seconds of each."""
    import ezkl

    os.chdir(folder)
    row = {}
    options = ezkl.PyRunArgs()
    options.input_visibility = options.output_visibility = "public"
    options.param_visibility = "hashed"
    ezkl.gen_settings("model.onnx", "settings.json", py_run_args=options)
    ezkl.calibrate_settings("input.json", "model.onnx", "settings.json", "resources", max_logrows=20, scales=[7])
    ezkl.compile_circuit("model.onnx", "circuit", "settings.json")
    row["logrows"] = json.loads(Path("settings.json").read_text())["run_args"]["logrows"]
    ezkl.gen_srs("srs", row["logrows"])
    timed(row, "setup_seconds", ezkl.setup, "circuit", "vk", "pk", "srs")
    ezkl.gen_witness("input.json", "circuit", "witness.json", vk_path="vk", srs_path="srs")
    timed(row, "prove_seconds", ezkl.prove, "witness.json", "circuit", "pk", "proof.json", "srs")
    timed(row, "verify_seconds", ezkl.verify, "proof.json", "settings.json", "vk", "srs")
    print(json.dumps(row))


def run(command, limit_mb=None, deadline=None):
    """Runs to the end, or until it needs more than the limit or the deadline is over; its output and its peak memory in MB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err)
        peak, status = wait(child, limit_mb, deadline)
        out.seek(0)
        err.seek(0)
        if status != 0:
            raise RuntimeError(f"{command[0]} ended with {status} at {peak} MB: {err.read()[-400:]}")
        text = out.read().strip()
    return text, peak


def wait(child, limit_mb, deadline):
    """Peak memory in MB and exit status of a child, which is killed beyond the limit or the deadline."""
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return round(usage.ru_maxrss / 1024), child.returncode
        too_large = limit_mb and resident_mb(child.pid) > limit_mb
        if too_large or (deadline and time.monotonic() > deadline):
            child.kill()
        time.sleep(0.2)


def resident_mb(pid):
    """Memory that a process holds now."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def measure_ezkl(folder, limit_mb, deadline):
    """EZKL's seconds and memory."""
    text, peak = run([sys.executable, os.path.abspath(__file__), "--peer", folder], limit_mb, deadline)
    return {**json.loads(text.splitlines()[-1]), "peak_rss_mb": peak}


def measure_sotto(sotto, folder, repeats):
    """sotto's seconds and memory: medians."""
    strategy = folder / "strategy"
    run([sotto, "strategy", "init", folder / "model.onnx", "--data", folder / "x.npz", "--out", strategy, "--scale", "100"])
    def median(keys, *options):
        proofs = []
        for _ in range(repeats):
            command = [sotto, "strategy", "prove", strategy, "--data", folder / "x.npz", "--json", *options]
            text, peak = run(command)
            proofs.append({**json.loads(text), "peak_rss_mb": peak})
        return {key: float(np.median([proof[key] for proof in proofs])) for key in keys}

    leaf = median(["leaf_seconds", "peak_rss_mb"], "--leaf")
    whole = median(["sheet_seconds", "total_seconds", "peak_rss_mb"], "--out", folder)
    return {"leaf_seconds": leaf["leaf_seconds"], "leaf_peak_rss_mb": leaf["peak_rss_mb"], **whole}


def compare(sotto, widths, limit_mb, repeats, deadline=None):
    """Both provers on one network."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, widths)
        ezkl = measure_ezkl(folder, limit_mb, deadline)
        ours = measure_sotto(sotto, folder, repeats)
    return {
        "network": "-".join(map(str, widths)),
        "parameters": parameters(widths),
        "ezkl": ezkl,
        "sotto": ours,
        "leaf_speedup": round(ezkl["prove_seconds"] / ours["leaf_seconds"], 1),
        "total_speedup": round(ezkl["prove_seconds"] / ours["total_seconds"], 2),
        "leaf_memory_ratio": round(ours["leaf_peak_rss_mb"] / ezkl["peak_rss_mb"], 3),
    }


HEAD = ["network", "parameters", "EZKL setup", "EZKL prove", "EZKL memory", "sotto leaf", "its memory", "sotto sheet"]
HEAD += ["sotto total", "its memory", "leaf faster by", "total faster by", "leaf's share of EZKL's memory"]


def line(cells):
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def table_row(row):
    """A comparison as a row of the table."""
    ezkl, ours = row["ezkl"], row["sotto"]
    return line([
        row["network"], f"{row['parameters']:,}", f"{ezkl['setup_seconds']:.1f} s", f"{ezkl['prove_seconds']:.1f} s",
        f"{ezkl['peak_rss_mb']:,} MB", f"{ours['leaf_seconds']:.3f} s",
        f"{ours['leaf_peak_rss_mb']:,.0f} MB", f"{ours['sheet_seconds']:.2f} s",
        f"{ours['total_seconds']:.2f} s", f"{ours['peak_rss_mb']:,.0f} MB", f"{row['leaf_speedup']} ×",
        f"{row['total_speedup']} ×", f"{row['leaf_memory_ratio']}",
    ])  # fmt: skip


def table(rows):
    """The comparison as Markdown."""
    return "\n".join([line(HEAD), "|---" * len(HEAD) + "|", *map(table_row, rows)])


def report(row, path):
    """Shows a row as soon as it is there, and keeps it."""
    print(table_row(row), file=sys.stderr, flush=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sotto", type=Path, default=Path("target/release/sotto"))
    parser.add_argument("--memory-mb", type=int, default=12_000, help="EZKL is ended beyond this")
    parser.add_argument("--repeats", type=int, default=3, help="proofs by sotto, of which the median counts")
    parser.add_argument("--rows", type=Path, default=Path("ezkl_comparison.jsonl"), help="rows are appended here as they come")
    parser.add_argument("--budget-seconds", type=float, default=3600, help="the search for the largest network ends then")
    parser.add_argument("--skip-largest", action="store_true", help="leave out the search for the largest network")
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return prove_with_ezkl(args.peer)
    if importlib.util.find_spec("ezkl") is None:
        sys.exit("ezkl is not installed: pip install ezkl")
    deadline = time.monotonic() + args.budget_seconds
    print(line(HEAD), file=sys.stderr, flush=True)
    rows = []
    for widths in NETWORKS:
        rows.append(compare(args.sotto, widths, args.memory_mb, args.repeats))
        report(rows[-1], args.rows)
    for widths in [] if args.skip_largest else LADDER:
        if time.monotonic() > deadline:
            print(f"{widths}: left out, the budget is spent", file=sys.stderr, flush=True)
            break
        try:
            rows.append(compare(args.sotto, widths, args.memory_mb, args.repeats, deadline))
            report(rows[-1], args.rows)
            break
        except RuntimeError as error:
            print(f"{widths}: {error}", file=sys.stderr, flush=True)
    print(table(rows))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
