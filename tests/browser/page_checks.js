// What the tests ask a rendered page; run in the browser, gives plain values.
(() => {
  const channels = text => text.match(/[\d.]+/g).map(Number);
  const linear = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const isSeen = element => element.checkVisibility({visibilityProperty: true}) && element.getClientRects().length > 0;
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const back = channels(getComputedStyle(each).backgroundColor);
      if (back.length === 3 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  const texts = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.data.trim() && isSeen(node.parentElement)) found.push(node);
    }
    return found;
  };
  return {
    backdropLuminance: luminance(ground(document.body)),
    textCount: texts().length,
    faint: texts().map(node => [node.data.trim().slice(0, 40),
      ratio(channels(getComputedStyle(node.parentElement).color), ground(node.parentElement))]).filter(([, found]) => found < 4.5),
    faintCurves: [...document.querySelectorAll(".curve")].map(each =>
      ratio(channels(getComputedStyle(each).stroke), ground(each.parentElement))).filter(found => found < 3),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    wide: [...document.querySelectorAll("body *")].filter(each => isSeen(each) && !each.closest(".skip, svg")
      && each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(each => each.tagName),
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].filter(isSeen).map(each => Number(each.tagName[1])),
    unnamedTables: [...document.querySelectorAll("table")].filter(each => !each.caption).length,
    cellsWithoutScope: [...document.querySelectorAll("th")].filter(each => !each.scope).length,
    rowsWithoutHead: [...document.querySelectorAll("tbody tr")].filter(each => each.cells[0].scope !== "row").length,
    unnamedImages: [...document.querySelectorAll("svg")].filter(each => each.getAttribute("role") !== "img" || !each.getAttribute("aria-label")).length,
    articlesWithoutName: [...document.querySelectorAll("article")].filter(each =>
      !document.getElementById(each.getAttribute("aria-labelledby"))?.textContent).length,
    repeatedIds: [...document.querySelectorAll("[id]")].map(each => each.id).filter((id, index, all) => all.indexOf(id) !== index),
    smallTargets: [...document.querySelectorAll("button, summary")].filter(each => isSeen(each)
      && each.getBoundingClientRect().height < 24).map(each => each.textContent),
    states: [...document.querySelectorAll(".state")].map(each => [each.className.replace("state ", ""), each.textContent]),
    animations: document.getAnimations().length,
    scrolling: getComputedStyle(document.documentElement).scrollBehavior,
    language: document.documentElement.lang,
    landmarks: ["header", "main", "nav"].filter(name => !document.querySelector(name)),
  };
})()
