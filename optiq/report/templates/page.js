"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const places = [...document.querySelectorAll("[data-chart]")];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // Okabe and Ito's colours, which readers with any colour vision can tell apart; brighter on dark.
  const config = () => {
    const ink = dark.matches ? "#d6dbe3" : "#39424e";
    const line = dark.matches ? "#333c49" : "#e3e7ec";
    const range = dark.matches
      ? ["#56b4e9", "#f0a73c", "#3fc79a", "#e79cc2", "#f0e442", "#ff8a4c", "#6f9dff", "#8d99a8"]
      : ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#9a8f00", "#d55e00", "#3454b4", "#8a94a1"];
    const ramp = dark.matches ? ["#1d2733", "#2c6d96"] : ["#eef3f8", "#7fbbe0"];
    return {
      background: "transparent",
      font: "system-ui, sans-serif",
      range: { category: range, heatmap: ramp, ramp },
      axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line,
        titleFontWeight: 500, labelFontSize: 11, titleFontSize: 12 },
      legend: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
      view: { stroke: null },
      point: { color: range[0] }, circle: { color: range[0] }, bar: { color: range[0] },
      line: { color: ink }, text: { color: ink },
    };
  };

  const draw = async () => {
    for (const place of places) {
      const options = { ast: true, renderer: "svg", actions: false, config: config(),
        tooltip: { theme: dark.matches ? "dark" : "light" } };
      await window.vegaEmbed(place, specs[Number(place.dataset.chart)], options);
    }
    document.documentElement.dataset.drawn = String(places.length);
  };
  dark.addEventListener("change", draw);
  draw();
})();
