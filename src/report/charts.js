// SPDX-License-Identifier: Apache-2.0
// Turns the chart descriptions of a page into charts: axes to choose, legends to click, colours
// that follow light, dark and paper. The descriptions are those of src/report/chart.hpp.
"use strict";
(() => {
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const palette = () => ({
    text: css("--text"), muted: css("--muted"), grid: css("--grid"), surface: css("--surface"),
    heat: css("--heat"), series: Array.from({ length: 10 }, (_, i) => css("--series-" + i)),
  });
  let theme = palette();
  const colour = (index) => (index < 0 ? theme.muted : theme.series[index % theme.series.length]);
  const faded = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");

  const raised = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const power = (exponent) => "10" + String(exponent).replace(/[-0-9]/g, (c) => raised[c]);
  function shown(value, digits = 4) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6 || size < 1e-3) {
      const [lead, exponent] = value.toExponential(digits - 1).split("e");
      const short = lead.includes(".") ? lead.replace(/\.?0+$/, "") : lead;
      const tail = power(Number(exponent));
      return short === "1" ? tail : short === "-1" ? "−" + tail : short.replace("-", "−") + "·" + tail;
    }
    return Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits })
      .replace("-", "−");
  }

  // Powers of ten where there are enough of them, 1, 2 and 5 of each otherwise.
  function logTick(value) {
    const decades = Math.log10(this.max / this.min);
    const exponent = Math.floor(Math.log10(value) + 1e-9);
    const lead = Math.round(value / 10 ** exponent);
    const exact = Math.abs(value / 10 ** exponent - lead) < 1e-6;
    if (decades < 0.7) return exact ? shown(value, 3) : null;
    if (decades <= 2) return exact && [1, 2, 5].includes(lead) ? shown(value, 3) : null;
    const room = Math.max(2, Math.floor(this.isHorizontal() ? this.width / 52 : this.height / 30));
    const stride = Math.ceil(decades / room);
    return exact && lead === 1 && exponent % stride === 0 ? power(exponent) : null;
  }

  function scale(label, log, more = {}) {
    return {
      type: log ? "logarithmic" : "linear",
      title: { display: Boolean(label), text: label, color: theme.muted, font: { size: 12 } },
      grid: { color: theme.grid, borderColor: theme.muted, tickLength: 4 },
      ticks: log
        ? { color: theme.muted, callback: logTick, autoSkip: false, maxRotation: 0, font: { size: 11 } }
        : { color: theme.muted, callback: (v) => shown(v), maxRotation: 0, maxTicksLimit: 8, autoSkipPadding: 12, includeBounds: false, font: { size: 11 } },
      ...more,
    };
  }

  // Lines at values of an axis, each with its name.
  const guides = {
    id: "guides",
    afterDatasetsDraw(chart, _, options) {
      const { ctx, chartArea: area, scales } = chart;
      ctx.save();
      ctx.font = "11px system-ui, sans-serif";
      ctx.lineWidth = 1.25;
      const labels = [];  // over all lines
      const crowded = chart.data.datasets.some((set) => set.diverged && !set.hidden);  // at the top
      (options.lines || []).forEach((line, i) => {
        const axis = scales[line.axis];
        const place = axis.getPixelForValue(line.value);
        const [low, high] = line.axis === "x" ? [area.left, area.right] : [area.top, area.bottom];
        if (!(place >= low - 0.5 && place <= high + 0.5)) return;
        ctx.strokeStyle = theme.text;
        ctx.setLineDash([5, 4]);
        ctx.beginPath();
        if (line.axis === "x") { ctx.moveTo(place, area.top); ctx.lineTo(place, area.bottom); }
        else { ctx.moveTo(area.left, place); ctx.lineTo(area.right, place); }
        ctx.stroke();
        ctx.setLineDash([]);
        const width = ctx.measureText(line.label).width;
        let x = line.axis === "x" ? place + 4 : area.right - width - 4 - 34 * (i % 3);
        if (x + width > area.right) x = place - width - 4;
        const drop = 15 * (i % 4);
        const y = line.axis !== "x" ? place - 4 : crowded ? area.bottom - 24 - drop : area.top + 12 + drop;
        labels.push([line.label, x, y, width]);
      });
      for (const [label, x, y, width] of labels) {
        ctx.fillStyle = faded(theme.surface, 0.88);
        ctx.fillRect(x - 2, y - 10, width + 4, 13);
        ctx.fillStyle = theme.text;
        ctx.fillText(label, x, y);
      }
      ctx.restore();
    },
  };

  // Counts in a plane, as shades; the points themselves are not drawn.
  const cells = {
    id: "cells",
    beforeDatasetsDraw(chart, _, options) {
      if (!options.spec) return;
      const { ctx, chartArea: area, scales: { x, y } } = chart;
      const { lower, width, values } = options.spec;
      const most = Math.log1p(Math.max(...values.map((cell) => cell[2])));
      ctx.save();
      ctx.beginPath();
      ctx.rect(area.left, area.top, area.width, area.height);
      ctx.clip();
      for (const [i, j, weight] of values) {
        const left = x.getPixelForValue(lower + width * i);
        const top = y.getPixelForValue(lower + width * (j + 1));
        ctx.fillStyle = `rgb(${theme.heat} / ${0.12 + 0.88 * (Math.log1p(weight) / most)})`;
        ctx.fillRect(left, top, Math.ceil(x.getPixelForValue(lower + width * (i + 1)) - left),
          Math.ceil(y.getPixelForValue(lower + width * j) - top));
      }
      ctx.restore();
    },
  };
  Chart.register(guides, cells);

  // The point nearest to the mouse of what can be asked about: no bands, no backgrounds.
  Chart.Interaction.modes.told = (chart, event) => {
    let found = [], least = Infinity;
    for (const meta of chart.getSortedVisibleDatasetMetas()) {
      const set = chart.data.datasets[meta.index];
      if (set.band || set.quiet) continue;
      meta.data.forEach((element, index) => {
        const { x, y } = element;
        const distance = Math.hypot(x - event.x, y - event.y);
        if (element.skip || !(distance < least)) return;
        least = distance;
        found = [{ element, datasetIndex: meta.index, index }];
      });
    }
    return found;
  };

  const pick = (spec, series, axis, key) =>
    (series[axis] && series[axis][key]) || (spec.shared && spec.shared[series.share] || {})[key] || [];

  // A value a chart can show there; a gap otherwise.
  const usable = (value, log) => (typeof value === "number" && (!log || value > 0) ? value : NaN);

  function lineDatasets(spec, view) {
    const datasets = [];
    const x = spec.x[view.x], y = spec.y[view.y];
    let top = 0;
    const outside = (series) => spec.groups && series.group !== view.group;
    spec.series.forEach((series, owner) => {
      if (outside(series)) return;
      const xs = pick(spec, series, "xs", x.key);
      const points = (values) => xs.map((at, i) => ({ x: usable(at, view.logX), y: usable(values[i], view.logY) }));
      const values = (series.ys && series.ys[y.key]) || [];
      const line = colour(series.colour);
      const shared = { owner, hidden: !view.visible[owner] };
      const low = series.low && series.low[y.key], high = series.high && series.high[y.key];
      if (low && high) {
        const edge = { ...shared, band: true, showLine: true, borderWidth: 0, pointRadius: 0, pointHitRadius: 0, backgroundColor: faded(line, 0.13) };
        datasets.push({ ...edge, data: points(low) }, { ...edge, data: points(high), fill: "-1" });
      }
      for (const value of [...values, ...(high || [])]) if (typeof value === "number") top = Math.max(top, value);
      const many = (values.length > 40 && series.mark !== "dots") || series.mark === "none";
      datasets.push({
        ...shared, label: series.name, data: points(values), notes: series.notes,
        showLine: series.line !== false, borderColor: series.faded ? faded(line, 0.45) : line, backgroundColor: series.line === false ? faded(line, 0.75) : line,
        borderWidth: series.width || 2, borderDash: series.dash ? [6, 4] : undefined, tension: 0,
        stepped: Boolean(series.stepped),
        pointRadius: series.mark === "none" ? 0 : series.line === false ? 4 : many ? 0 : 2.5,
        pointHoverRadius: series.quiet ? 0 : 5, pointHitRadius: series.quiet ? 0 : 8, quiet: series.quiet,
        pointStyle: series.mark === "star" ? "star" : series.mark === "square" ? "rectRot" : "circle",
        order: series.over ? 0 : series.quiet ? 3 : 1,
      });
    });
    let rows = 0;  // of crosses, so that none hides another
    spec.series.forEach((series, owner) => {
      const lost = series.diverged && series.diverged[x.key];
      if (outside(series) || !lost || !lost.length) return;
      const lift = view.visible[owner] ? rows++ : 0;
      datasets.push({
        owner, hidden: !view.visible[owner], label: series.name, showLine: false, diverged: true,
        data: lost.map((at) => ({ x: usable(at, view.logX), y: (top || 1) * (view.logY ? 3 * 1.9 ** lift : 1.08 + 0.06 * lift) })),
        borderColor: colour(series.colour), borderWidth: 2, pointStyle: "crossRot", pointRadius: 6, pointHoverRadius: 8,
      });
    });
    return datasets;
  }

  function barDatasets(spec, view) {
    return spec.series.flatMap((series, owner) => {
      if (spec.groups && series.group !== view.group) return [];
      const line = colour(series.colour);
      return series.line
        ? { owner, type: "line", label: series.name, data: series.values, borderColor: line, backgroundColor: line, borderWidth: 1.5,
            borderDash: [5, 4], pointRadius: 0, pointHitRadius: 0, quiet: true, hidden: !view.visible[owner], order: 0 }
        : { owner, type: "bar", label: series.name, data: series.values, notes: series.notes, grouped: !spec.overlaid,
            backgroundColor: series.hollow ? faded(line, 0.3) : faded(line, 0.85), borderColor: line,
            borderWidth: series.hollow ? 1 : 0, hidden: !view.visible[owner], order: series.hollow ? 1 : 2,
            categoryPercentage: spec.narrow ? 0.75 : 1, barPercentage: spec.narrow ? 0.9 : 0.96 };
    });
  }

  function tooltip(spec, view) {
    const axisName = (axis) => spec[axis] && spec[axis].length ? spec[axis][view[axis]].label : "";
    return {
      filter: (item) => !item.dataset.band && !item.dataset.quiet && item.raw !== null,
      backgroundColor: theme.text, titleColor: theme.surface, bodyColor: theme.surface, cornerRadius: 5, padding: 9, displayColors: false,
      callbacks: {
        title: (items) => {
          if (!items.length) return "";
          return spec.type === "bar" ? String(items[0].label) : items[0].dataset.label;
        },
        label: (item) => {
          const note = item.dataset.notes && item.dataset.notes[item.dataIndex];
          if (spec.type === "bar") {
            const raw = item.raw;
            const text = Array.isArray(raw) ? raw.map((v) => shown(v)).join(" to ") : shown(raw);
            return [`${item.dataset.label}: ${text}`].concat(note ? [note] : []);
          }
          const lines = [`${axisName("x")}: ${shown(item.raw.x)}`];
          lines.push(item.dataset.diverged ? "diverged" : `${axisName("y")}: ${shown(item.raw.y)}`);
          return note ? lines.concat([note]) : lines;
        },
      },
    };
  }

  // Of what is shown: whole decades would leave half a chart empty.
  function logRange(datasets, axis) {
    let min = Infinity, max = 0;
    for (const dataset of datasets) {
      if (dataset.hidden) continue;
      for (const point of dataset.data) {
        if (Number.isNaN(point.x) || Number.isNaN(point.y)) continue;
        min = Math.min(min, point[axis]);
        max = Math.max(max, point[axis]);
      }
    }
    if (!(min <= max)) return {};
    const room = axis === "x" ? (min === max ? 2 : 1.05) : 1.4;
    return { min: min / room, max: max * room };
  }

  function configuration(spec, view) {
    const bar = spec.type === "bar";
    const labels = spec.groups && bar ? spec.categories[view.group] : spec.categories;
    const x = spec.x[view.x], y = spec.y[view.y];
    const lines = (spec.guides || []).map((guide) => ({
      axis: guide.axis, label: guide.label, value: guide.values[(guide.axis === "x" ? x : y).key],
    })).filter((guide) => typeof guide.value === "number");
    const datasets = bar ? barDatasets(spec, view) : lineDatasets(spec, view);
    const range = (axis, which, log) => (bar || !log || typeof axis.min === "number"
      ? { min: axis.min, max: axis.max } : logRange(datasets, which));
    const category = (axis) => ({
      ...scale(axis.label, false), type: "category", labels,
      ticks: { color: theme.muted, maxRotation: 0, autoSkip: !spec.horizontal, autoSkipPadding: 10, font: { size: 11 },
        callback(value) { const text = String(this.getLabelForValue(value)); const most = Math.max(10, Math.min(40, Math.floor(this.chart.width / 24)));
          return text.length > most ? text.slice(0, most - 1) + "…" : text; } },
      grid: { display: false, borderColor: theme.muted },
    });
    const scales = bar
      ? (spec.horizontal
        ? { y: category(x), x: scale(y.label, view.logY, range(y, "y", view.logY)) }
        : { x: category(x), y: scale(y.label, view.logY, { ...range(y, "y", view.logY), beginAtZero: true }) })
      : { x: scale(x.label, view.logX, range(x, "x", view.logX)), y: scale(y.label, view.logY, range(y, "y", view.logY)) };
    return {
      type: bar ? "bar" : "scatter",
      data: { labels, datasets },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, indexAxis: spec.horizontal ? "y" : "x", scales,
        interaction: bar ? { mode: "index", intersect: false, axis: spec.horizontal ? "y" : "x" } : { mode: "told", intersect: false },
        plugins: { legend: { display: false }, tooltip: tooltip(spec, view), guides: { lines }, cells: { spec: view.visible[0] ? spec.cells : null } },
      },
    };
  }

  function element(tag, attributes = {}, text = "") {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    return made;
  }

  function addControls(figure, spec, view, redraw) {
    const place = figure.querySelector(".controls");
    if (spec.groups) {
      const label = element("label", {}, "of");
      const select = element("select", { "data-axis": "group" });
      spec.groups.forEach((name, i) => select.append(element("option", { value: i }, name)));
      select.addEventListener("change", () => { view.group = Number(select.value); redraw(); });
      label.append(select);
      place.append(label);
    }
    for (const axis of ["x", "y"]) {
      const choices = spec[axis];
      if (choices.length > 1) {
        const label = element("label", {}, axis === "x" ? "against" : "show");
        const select = element("select", { "data-axis": axis });
        choices.forEach((choice, i) => select.append(element("option", { value: i }, choice.label)));
        select.addEventListener("change", () => {
          view[axis] = Number(select.value);
          const log = axis === "x" ? "logX" : "logY";
          view[log] = Boolean(choices[view[axis]].log);
          const box = place.querySelector(`[data-log="${axis}"]`);
          if (box) box.checked = view[log];
          redraw();
        });
        label.append(select);
        place.append(label);
      }
      if (choices.some((choice) => choice.log)) {
        const label = element("label");
        const box = element("input", { type: "checkbox", "data-log": axis });
        const log = axis === "x" ? "logX" : "logY";
        box.checked = view[log];
        box.addEventListener("change", () => { view[log] = box.checked; redraw(); });
        label.append(box, document.createTextNode(`logarithmic ${spec.horizontal ? (axis === "x" ? "y" : "x") : axis}`));
        place.append(label);
      }
    }
    if (!place.childElementCount) place.remove();
  }

  function addLegend(figure, spec, view, redraw) {
    const place = figure.querySelector(".legend");
    if (spec.series.filter((series) => series.name && (!spec.groups || series.group === 0)).length < 2) { place.remove(); return () => {}; }
    const swatches = [];
    spec.series.forEach((series, owner) => {
      if (!series.name) return;
      const button = element("button", { type: "button", "aria-pressed": String(view.visible[owner]) });
      const swatch = element("i", { class: series.line === false ? "dot" : series.dash ? "dashed" : "" });
      button.append(swatch, element("span", {}, series.name));
      button.addEventListener("click", () => {
        view.visible[owner] = !view.visible[owner];
        spec.series.forEach((other, i) => { if (other.with === series.name) view.visible[i] = view.visible[owner]; });
        button.setAttribute("aria-pressed", String(view.visible[owner]));
        redraw();
      });
      place.append(button);
      swatches.push([swatch, series]);
    });
    const paint = () => swatches.forEach(([swatch, series]) => {
      swatch.parentElement.hidden = Boolean(spec.groups) && series.group !== view.group;
      swatch.style.borderTopColor = colour(series.colour);
      if (series.line === false) swatch.style.background = colour(series.colour);
    });
    paint();
    return paint;
  }

  const charts = [];
  function draw(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector("canvas");
    if (spec.height) figure.querySelector(".plot").style.height = spec.height + "px";
    const view = { x: 0, y: 0, group: 0, logX: Boolean(spec.x[0].log), logY: Boolean(spec.y[0].log), visible: spec.series.map((series) => !series.hidden) };
    const entry = { figure, spec, view, chart: null };
    let paint = () => {};
    const redraw = () => {
      paint();
      if (entry.chart) entry.chart.destroy();
      entry.chart = new Chart(canvas, configuration(spec, view));
    };
    addControls(figure, spec, view, redraw);
    paint = addLegend(figure, spec, view, redraw);
    entry.repaint = redraw;
    redraw();
    charts.push(entry);
  }

  function repaintAll() {
    theme = palette();
    charts.forEach((entry) => entry.repaint());
  }
  document.querySelectorAll("figure.chart").forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaintAll);
  addEventListener("beforeprint", () => { root.dataset.paper = ""; repaintAll(); });
  addEventListener("afterprint", () => { delete root.dataset.paper; repaintAll(); });
  window.steepestCharts = charts;
})();
