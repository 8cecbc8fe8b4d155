(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = Array.from(document.querySelectorAll("script[data-chart]"), function (source) {
    return {
      element: document.getElementById(source.dataset.chart),
      figure: JSON.parse(source.textContent),
    };
  });

  function draw(chart, paper) {
    const night = dark.matches && !paper;
    const ink = night ? "#c9d0d8" : "#3a424c";
    const grid = night ? "#2f363f" : "#dfe3e8";
    const narrow = chart.element.clientWidth < 520;
    const layout = structuredClone(chart.figure.layout);
    const base = layout.template.layout;
    base.font.color = ink;
    base.font.size = narrow ? 11 : 13;
    for (const axis of [base.xaxis, base.yaxis]) {
      axis.gridcolor = grid;
      axis.linecolor = grid;
    }
    layout.margin = { l: narrow ? 40 : 56, r: narrow ? 6 : 16, t: 12, b: narrow ? 40 : 48 };
    layout.hoverlabel = { bgcolor: night ? "#101317" : "#ffffff", font: { color: ink } };
    if (narrow && layout.legend) {
      layout.legend.font = { size: 10 };
    }
    return Plotly.react(chart.element, chart.figure.data, layout, {
      responsive: true,
      displayModeBar: false,
    });
  }

  function drawAll(paper) {
    if (window.Plotly) {
      charts.forEach(function (chart) { draw(chart, paper === true); });
    }
  }

  drawAll();
  dark.addEventListener("change", function () { drawAll(); });
  window.addEventListener("beforeprint", function () { drawAll(true); });
  window.addEventListener("afterprint", function () { drawAll(); });

  document.querySelectorAll("button.copy").forEach(function (button) {
    button.addEventListener("click", function () {
      const code = button.parentElement.querySelector("code");
      const say = function (word) {
        button.textContent = word;
        window.setTimeout(function () { button.textContent = "Copy"; }, 1500);
      };
      const select = function () {
        window.getSelection().selectAllChildren(code);
        say(document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
      };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(code.textContent).then(function () { say("Copied"); }, select);
      } else {
        select();
      }
    });
  });
})();
