#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens every page of --report in a headless Chromium: no error, no network, every chart drawn,
hover and legends work, no sideways scroll on a phone, light and dark, on paper.

    tests/browser/pages_test.py --command build/dev/steepest [--screenshots FOLDER]

Ends with 77, which ctest takes for skipped, where there is no Chromium.
"""
import argparse
import base64
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from chromium import Chromium

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOSTILE = '<script>window.hacked=1</script>'
HOSTILE_CLASS = '</script><img src=x onerror=window.hacked=2>'

# What a chart's canvas holds: how many colours, and a number that changes with any pixel.
INK = """(() => steepestCharts.map(({figure, chart}) => {
  const {width, height} = chart.canvas;
  const data = chart.canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const colours = new Set(); let sum = 0, inside = 0;
  const {left, right, top, bottom} = chart.chartArea, ratio = chart.currentDevicePixelRatio;
  for (let i = 0; i < data.length; i += 4) {
    if (!data[i + 3]) continue;
    const p = i / 4, x = (p % width) / ratio, y = Math.floor(p / width) / ratio;
    sum = (sum * 31 + data[i] * 7 + data[i + 1] * 5 + data[i + 2] * 3 + data[i + 3] + p) % 1000000007;
    if (x > left && x < right && y > top && y < bottom) inside += 1;
    if (colours.size < 50) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  }
  return {title: figure.querySelector('figcaption').textContent, colours: colours.size, inside, sum};
}))()"""

# Where the mouse has to go to hit a point of a chart that is drawn.
POINT = """((index) => {
  const {chart} = steepestCharts[index];
  chart.canvas.scrollIntoView({block: 'center'});
  const box = chart.canvas.getBoundingClientRect();
  for (let d = 0; d < chart.data.datasets.length; ++d) {
    const set = chart.data.datasets[d];
    if (set.hidden || set.band || set.quiet) continue;
    const points = chart.getDatasetMeta(d).data;
    for (let i = 0; i < points.length; ++i) {
      const point = points[i], value = set.data[i];
      if (value === null || (value.x !== undefined && !Number.isFinite(value.x + value.y))) continue;
      const {x, y} = point.getCenterPoint();
      const area = chart.chartArea;
      if (x >= area.left && x <= area.right && y >= area.top && y <= area.bottom && !point.skip)
        return {x: box.left + x, y: box.top + y};
    }
  }
  return null;
})"""

TOOLTIP = """((index) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const {tooltip} = steepestCharts[index].chart;
  done({shown: tooltip.opacity > 0, text: [...(tooltip.title || []),
    ...(tooltip.body || []).flatMap((part) => part.lines)].join(' | ')});
}))))"""

failures = []


def check(holds, sentence):
    if not holds:
        failures.append(sentence)
        print("FAILED", sentence, flush=True)


def steepest(command, arguments, codes=(0,)):
    run = subprocess.run([command] + arguments + ["--quiet"], capture_output=True, text=True)
    if run.returncode not in codes:
        sys.exit(f"steepest {' '.join(arguments)}: {run.returncode} {run.stderr}")


def write_hostile(path):
    draw = random.Random(1)
    with open(path, "w") as file:
        file.write(f'"{HOSTILE}",b,"label"\n')
        for i in range(240):
            x, y = draw.gauss(0, 1), draw.gauss(0, 1)
            label = HOSTILE_CLASS if x + 0.5 * y + draw.gauss(0, 0.6) > 0 else "plain & 'quoted'"
            file.write(f'{x:.4f},{y:.4f},"{label}"\n')


def write_logits(folder):
    draw = random.Random(2)
    rows, classes = 4000, 4
    with open(os.path.join(folder, "labels.txt"), "w") as labels, \
            open(os.path.join(folder, "groups.txt"), "w") as groups, \
            open(os.path.join(folder, "logits.npy"), "wb") as logits:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {classes}), }}"
        header += " " * (63 - (len(header) + 10) % 64) + "\n"
        logits.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for _ in range(rows):
            z = [1.5 * draw.gauss(0, 1) for _ in range(classes)]
            weights = [math.exp(v) for v in z]
            labels.write(f"{draw.choices(range(classes), weights)[0]}\n")
            logits.write(struct.pack(f"<{classes}f", *(2.5 * v for v in z)))  # too sure of itself
            groups.write(draw.choice(["north", "south", "</script><b>", "a long name " * 6]) + "\n")


def write_returns(path):
    draw = random.Random(3)
    with open(path, "w") as file:
        file.write("bonds,shares,gold,land,oil\n")
        for _ in range(250):
            market = draw.gauss(0, 1)
            file.write(",".join(f"{m + s * (b * market + draw.gauss(0, 1)):.6f}" for m, s, b in
                                [(.0002, .002, .1), (.0006, .01, 1), (.0003, .008, -.2),
                                 (.0004, .005, .4), (.0005, .02, .8)]) + "\n")


def make_pages(command, folder):
    iris, diamonds = os.path.join(ROOT, "data/iris.csv"), os.path.join(ROOT, "data/diamonds.csv")
    at = lambda name: os.path.join(folder, name)
    write_hostile(at("hostile.csv"))
    write_logits(folder)
    write_returns(at("returns.csv"))
    sweep = ["sweep", iris, "--target", "species", "--batch-size", "full,32", "--seeds", "4",
             "--schedules", "constant,cosine,linear,wsd,one_cycle", "--epochs", "25"]
    commands = {
        "sweep": sweep + ["--learning-rates", "0.0625/L:16/L:log:9", "--valid-fraction", "0.2"],
        "sweep_large": ["sweep", iris, "--target", "species", "--batch-size", "16", "--seeds", "5",
                        "--schedules", "constant,cosine,linear,wsd,one_cycle,inverse_sqrt,tanh,"
                        "noam:peak=100,polynomial,exponential:gamma=0.998", "--learning-rates", "0.1/L:8/L:log:10",
                        "--epochs", "200"],
        "fit_linear": ["fit", diamonds, "--target", "price", "--categorical", "cut,color,clarity",
                       "--rule", "gradient", "--epochs", "400", "--valid-fraction", "0.2"],
        "fit_path": ["fit", iris, "--target", "species", "--l2", "1e-5:1:log:11", "--folds", "5",
                     "--pick", "one-se"],
        "fit_path_degrees": ["fit", diamonds, "--target", "price", "--categorical", "cut,color,clarity",
                             "--l2", "1e-6:1:log:9", "--valid-fraction", "0.3"],
        "fit_inference": ["fit", diamonds, "--target", "price", "--categorical", "cut,color,clarity",
                          "--inference"],
        "fit_inference_classes": ["fit", at("hostile.csv"), "--target", "label", "--inference"],
        "fit_quantile": ["fit", iris, "--target", "petal_width", "--ignore", "species",
                         "--loss", "quantile:0.9", "--valid-fraction", "0.2"],
        "sweep_composite": ["sweep", iris, "--target", "species", "--schedules", "constant,cosine",
                            "--learning-rates", "0.25/L:4/L:log:5", "--l1", "0.01", "--constraint", "box:-2:2",
                            "--label-smoothing", "0.1", "--class-weight", "balanced", "--prune",
                            "--batch-size", "full,32", "--seeds", "2"],
        "fit_softmax": ["fit", iris, "--target", "species"],
        "fit_hostile": ["fit", at("hostile.csv"), "--target", "label"],
        "find_rate": ["find-rate", diamonds, "--target", "price", "--batch-size", "64",
                      "--categorical", "cut,color,clarity"],
        "explore_line": ["explore", "x^4 - 3*x^2 + x", "--start", "2", "--learning-rate", "0.02",
                         "--steps", "40"],
        "explore_plane": ["explore", "(1 - x)^2 + 5*(y - x^2)^2", "--start", "-1,1",
                          "--learning-rate", "0.02", "--rule", "nesterov:0.8", "--steps", "200"],
        "explore_diverges": ["explore", "x^2", "--start", "1", "--learning-rate", "1.1"],
        "portfolio": ["portfolio", at("returns.csv")],
        "frontier": ["portfolio", at("returns.csv"), "--frontier", "25"],
        "calibrate": ["calibrate", at("logits.npy"), "--labels", at("labels.txt")],
        "calibrate_vector": ["calibrate", at("logits.npy"), "--labels", at("labels.txt"),
                             "--method", "vector"],
        "calibrate_matrix": ["calibrate", at("logits.npy"), "--labels", at("labels.txt"),
                             "--method", "matrix", "--bootstrap", "50"],
        "calibrate_groups": ["calibrate", at("logits.npy"), "--labels", at("labels.txt"),
                             "--group", at("groups.txt"), "-o", at("groups.json")],
        "calibrate_used": ["calibrate", at("logits.npy"), "--labels", at("labels.txt"),
                           "--group", at("groups.txt"), "--use", at("groups.json")],
    }
    for name, arguments in commands.items():
        steepest(command, arguments + ["--report", at(name + ".html")], codes=(0, 5))
    return {name: at(name + ".html") for name in commands}


def check_page(browser, name, path, width, dark, screenshots):
    where = f"{name} at {width} px, {'dark' if dark else 'light'}"
    browser.view(width, 900, dark)
    seconds = browser.open(path)
    ink = browser.run(INK)
    check(not browser.errors, f"{where}: {browser.errors}")
    check(all(url.startswith(("file://" + path, "data:")) for url in browser.requests),
          f"{where}: asks for {browser.requests}")
    check(len(ink) > 0, f"{where}: no chart")
    for chart in ink:
        check(chart["colours"] > 3 and chart["inside"] > 100, f"{where}: {chart} is blank")
    wide = browser.run("document.documentElement.scrollWidth - innerWidth")
    check(wide <= 0, f"{where}: scrolls sideways by {wide} px")
    text = browser.run("document.body.innerText")
    for word in ("NaN", "undefined", "Infinity", "[object"):
        check(word not in text.replace("undefined \u2014", ""), f"{where}: says {word}")
    check(not browser.run("window.hacked"), f"{where}: text of the data has run")
    if screenshots:
        height = browser.run("document.documentElement.scrollHeight")
        shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                            clip={"x": 0, "y": 0, "width": width, "height": min(height, 9000),
                                  "scale": 1})
        shade = "dark" if dark else "light"
        with open(os.path.join(screenshots, f"{name}-{width}-{shade}.png"), "wb") as file:
            file.write(base64.b64decode(shot["data"]))
    return seconds


def check_use(browser, name, path):
    """Hover, legends and choices, on a wide screen."""
    browser.view(1200, 900, False)
    browser.open(path)
    before = browser.run(INK)
    for index, chart in enumerate(before):
        where = f"{name}, {chart['title']}"
        place = browser.run(f"{POINT}({index})")
        check(place is not None, f"{where}: no point to be seen")
        if place:
            browser.move_mouse(place["x"], place["y"])
            tip = browser.run(f"{TOOLTIP}({index})")
            check(tip["shown"] and tip["text"], f"{where}: no words on hover")
            check("NaN" not in tip["text"] and "undefined" not in tip["text"],
                  f"{where}: says {tip['text']}")
            browser.move_mouse(1, 1)
        pressed = browser.run(f"""(() => {{
          const button = steepestCharts[{index}].figure.querySelector('.legend button:not([hidden])[aria-pressed=true]');
          if (!button) return null;
          button.click();
          return button.getAttribute('aria-pressed');
        }})()""")
        if pressed is not None:
            check(pressed == "false", f"{where}: the legend does not say what is hidden")
            after = browser.run(INK)[index]
            check(after["sum"] != chart["sum"], f"{where}: the legend changes nothing")
        changed = browser.run(f"""(() => {{
          const selects = [...steepestCharts[{index}].figure.querySelectorAll('select')];
          for (const select of selects) {{
            select.value = select.options[select.options.length - 1].value;
            select.dispatchEvent(new Event('change'));
          }}
          return selects.length;
        }})()""")
        if changed:
            drawn = browser.run(INK)[index]
            check(drawn["inside"] > 100, f"{where}: the last choices of its axes draw nothing")
    check(not browser.errors, f"{name}: {browser.errors}")
    paper = browser.call("Page.printToPDF", printBackground=True)
    check(len(paper["data"]) > 20000, f"{name}: nothing to print")
    check(not browser.errors, f"{name}, printed: {browser.errors}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    parser.add_argument("--chromium", default="")
    parser.add_argument("--screenshots", default="")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    program = given.chromium or shutil.which("chromium") or shutil.which("chromium-browser") \
        or shutil.which("google-chrome")
    if not program:
        print("skipped: there is no chromium here")
        sys.exit(77)
    if given.screenshots:
        os.makedirs(given.screenshots, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = make_pages(given.command, folder)
        browser = Chromium(program)
        try:
            for name, path in pages.items():
                if given.only and given.only not in name:
                    continue
                size = os.path.getsize(path)
                check(size < 10e6, f"{name}: {size} bytes")
                times = [check_page(browser, name, path, width, dark, given.screenshots)
                         for width in (390, 1600) for dark in (False, True)]
                check_use(browser, name, path)
                print(f"{name}: {size} bytes, opened in {min(times):.2f} s", flush=True)
                if name == "sweep_large":  # of 500 runs; twice what it may take on a quiet machine
                    check(min(times) < 4.0, f"{name}: opened in {min(times):.2f} s")
        finally:
            browser.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
