(function () {
  "use strict";
  const told = document.currentScript.dataset;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const PAPER = 640; // pixels of a chart between the margins of a printed page
  const charts = Array.from(document.querySelectorAll("script[data-chart]"), function (source) {
    const element = document.getElementById(source.dataset.chart);
    return { element: element, text: source.textContent, height: element.offsetHeight };
  });

  // ---- drawing: the page's own ink, and a plot area that no legend eats up

  function layoutFor(chart, figure, paper) {
    const night = dark.matches && !paper;
    const ink = night ? "#c9d0d8" : "#3a424c";
    const width = paper ? PAPER : chart.element.clientWidth;
    const narrow = width < 520;
    const layout = figure.layout;
    layout.template.layout.font.color = ink;
    layout.template.layout.font.size = narrow ? 11 : 13;
    layout.margin = { l: narrow ? 40 : 56, r: narrow ? 6 : 16, t: 12, b: narrow ? 40 : 48 };
    if (layout.xaxis2) { layout.margin.t = 44; }
    layout.hoverlabel = { bgcolor: night ? "#101317" : "#ffffff", font: { color: ink } };
    layout.width = width;
    layout.height = chart.height;
    if (narrow && layout.legend) { layout.legend.font = { size: 10 }; }
    return layout;
  }

  function draw(chart, paper) {
    const night = dark.matches && !paper;
    const text = chart.text
      .replaceAll(told.ink, night ? "#c9d0d8" : "#3a424c")
      .replaceAll(told.grid, night ? "#39424c" : "#d3d8de");
    const figure = JSON.parse(text);
    const layout = layoutFor(chart, figure, paper);
    if (layout.width < 520) { spreadLabels(figure.data); }
    const settings = { displayModeBar: false };
    chart.element.style.height = chart.height + "px";
    // Afresh: a legend that is moved to another width ends up over the curves.
    Plotly.purge(chart.element);
    Plotly.newPlot(chart.element, figure.data, layout, settings);
    const plot = chart.element._fullLayout._size.h;
    const missing = Math.round(Math.max(0.72 * chart.height, 150) - plot);
    if (missing > 8) { // a long legend, or long labels: the chart grows by what they took
      layout.height = chart.height + missing;
      chart.element.style.height = layout.height + "px";
      Plotly.purge(chart.element);
      Plotly.newPlot(chart.element, figure.data, layout, settings);
    }
    chart.element.querySelector(".plot-container").setAttribute("aria-hidden", "true");
    chart.width = layout.width;
  }

  function spreadLabels(traces) { // where there is little room, a label gives way to the one before it
    const ends = traces.map(function (trace) { return Math.max.apply(null, trace.x || [0]); });
    const room = 0.36 * Math.max.apply(null, ends);
    traces.filter(function (trace) { return trace.mode === "markers+text"; })
      .forEach(function (trace) {
        let taken = -Infinity;
        trace.text = trace.text.map(function (label, i) {
          const x = trace.x[i];
          const left = trace.textposition[i] === "top left";
          if (!label || (left ? x - room : x) < taken) { return ""; }
          taken = left ? x : x + room;
          return label;
        });
      });
  }

  function drawAll(paper) {
    if (window.Plotly) {
      charts.forEach(function (chart) { draw(chart, paper === true); });
      const theme = paper === true ? "paper" : dark.matches ? "dark" : "light";
      document.body.dataset.drawn = theme + " " + window.innerWidth; // for whoever waits for it
    }
  }

  // ---- reading a chart with the keys: left and right along a curve, up and down between curves

  function curves(element) {
    return element._fullData.map(function (trace, number) {
      const points = [];
      if (trace.visible === true && trace.hoverinfo !== "skip") {
        for (let i = 0; i < (trace.x || []).length; i += 1) {
          const there = trace.x[i] !== null && trace.y[i] !== null;
          if (there && trace.x[i] === trace.x[i] && trace.y[i] === trace.y[i]) { points.push(i); }
        }
      }
      return { number: number, points: points, plot: trace.xaxis + trace.yaxis };
    }).filter(function (curve) { return curve.points.length > 0; });
  }

  function say(words) {
    document.getElementById("said").textContent = words;
  }

  function read(element) {
    const labels = Array.from(element.querySelectorAll(".hoverlayer .hovertext"), function (label) {
      const lines = Array.from(label.querySelectorAll("text"), function (part) {
        const spans = part.querySelectorAll("tspan.line");
        return spans.length
          ? Array.from(spans, function (span) { return span.textContent; }).join(", ")
          : part.textContent;
      });
      return lines.filter(Boolean).join(", ");
    });
    say(labels.join("; "));
  }

  function walk(chart, event) {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const element = chart.element;
    if (event.key === "Escape") {
      Plotly.Fx.unhover(element);
      say("");
      return;
    }
    const found = curves(element);
    if (!moves[event.key] || !found.length) { return; }
    event.preventDefault();
    const [between, along] = moves[event.key];
    const at = chart.at || { curve: 0, point: along > 0 ? -1 : 0 };
    const curve = (at.curve + between + found.length) % found.length;
    const last = found[curve].points.length - 1;
    chart.at = { curve: curve, point: Math.max(0, Math.min(last, at.point + along)) };
    const point = { curveNumber: found[curve].number, pointNumber: found[curve].points[chart.at.point] };
    Plotly.Fx.hover(element, [point], found[curve].plot);
    window.clearTimeout(chart.soon); // plotly writes a label at most every 50 ms
    chart.soon = window.setTimeout(function () { read(element); }, 80);
  }

  function prepare(chart) {
    const element = chart.element;
    element.setAttribute("role", "application");
    element.setAttribute("aria-roledescription", "chart");
    element.setAttribute("tabindex", "0");
    element.setAttribute("aria-label", element.getAttribute("aria-label")
      + " Left and right arrow keys read its points, up and down its curves.");
    element.addEventListener("keydown", function (event) { walk(chart, event); });
    element.addEventListener("blur", function () {
      window.clearTimeout(chart.soon);
      chart.at = null;
      Plotly.Fx.unhover(element);
      say("");
    });
  }

  drawAll();
  if (window.Plotly) {
    charts.forEach(prepare);
    const ruler = document.getElementById("js-plotly-tester"); // by which plotly measures text
    if (ruler) { ruler.setAttribute("aria-hidden", "true"); }
  } else {
    charts.forEach(function (chart) { // its place stays, its table is there
      chart.element.className += " missing";
      chart.element.style.height = "auto";
      chart.element.textContent = "This chart needs its library, which couldn't be loaded.";
    });
  }
  dark.addEventListener("change", function () { drawAll(); });
  window.addEventListener("beforeprint", function () { drawAll(true); });
  window.addEventListener("afterprint", function () { drawAll(); });
  let waiting = 0;
  window.addEventListener("resize", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      if (charts.some(function (chart) { return chart.element.clientWidth !== chart.width; })) {
        drawAll();
      }
    }, 100);
  });

  // ---- the code to copy

  document.querySelectorAll("button.copy").forEach(function (button) {
    button.addEventListener("click", function () {
      const code = button.parentElement.querySelector("code");
      const told = function (word) {
        button.textContent = word;
        window.setTimeout(function () { button.textContent = "Copy"; }, 1500);
      };
      const select = function () {
        window.getSelection().selectAllChildren(code);
        told(document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
      };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(code.textContent).then(function () { told("Copied"); }, select);
      } else {
        select();
      }
    });
  });
})();
