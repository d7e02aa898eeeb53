"use strict";
(function () {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("error-data").textContent);
  const PAGE = 50;

  function setLanguage(language) {
    root.lang = language;
    const key = language === "zh-CN" ? "zh" : "en";
    document.querySelectorAll("[data-en]").forEach(function (element) {
      const text = element.dataset[key];
      if (element.tagName === "INPUT") {
        element.placeholder = text;
        element.setAttribute("aria-label", text);
      } else {
        element.textContent = text;
      }
    });
    document.getElementById("language").textContent = key === "zh" ? "English" : "中文";
  }

  document.getElementById("language").addEventListener("click", function () {
    setLanguage(root.lang === "zh-CN" ? "en" : "zh-CN");
  });
  document.getElementById("theme").addEventListener("click", function () {
    const chosen = root.dataset.theme;
    const dark = chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Everything from the corpus goes through createTextNode or textContent, never through markup.
  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) { made.className = className; }
    if (text !== undefined) { made.textContent = text; }
    return made;
  }

  function word(key) {
    const both = document.createDocumentFragment();
    ["en", "zh-CN"].forEach(function (language, place) {
      const part = element("span", "", data.words[key][place]);
      part.lang = language;
      both.append(part);
    });
    return both;
  }

  function visible(token) {
    return token.trim() === "" ? "\u2423" : token;
  }

  // Tokens of Chinese text stand side by side; two long Latin ones need a blank between them.
  function gap(before, after) {
    const long = before.length > 1 || after.length > 1;
    return long && /[A-Za-z0-9]$/.test(before) && /^[A-Za-z0-9]/.test(after) ? " " : "";
  }

  function tokensOf(sentence) {
    return Array.isArray(sentence.tokens) ? sentence.tokens : Array.from(sentence.tokens);
  }

  function putTokens(parent, tokens, start, end, unknown) {
    for (let place = start; place < end; place += 1) {
      if (place > start) { parent.append(gap(tokens[place - 1], tokens[place])); }
      if (unknown.has(place)) {
        const part = element("span", "unk", visible(tokens[place]));
        part.title = "[UNK]";
        parent.append(part);
      } else {
        parent.append(visible(tokens[place]));
      }
    }
  }

  function marked(tokens, spans, unknown) {
    const line = element("div", "corpus");
    line.lang = "zh";
    const ordered = spans.slice().sort(function (one, other) { return one[0] - other[0] || other[1] - one[1]; });
    const crossing = fill(line, tokens, ordered, 0, tokens.length, unknown);
    crossing.forEach(function (span) { line.append(" + ", markOf(tokens, span, [], unknown)); });
    return line;
  }

  // Nested entities are marks in marks; gives back those that cross another, which the text cannot show in place.
  function fill(parent, tokens, spans, start, end, unknown) {
    let place = start, rest = spans, crossing = [];
    while (rest.length) {
      const span = rest[0];
      const inner = rest.slice(1).filter(function (one) { return one[1] <= span[1]; });
      putTokens(parent, tokens, place, span[0], unknown);
      parent.append(markOf(tokens, span, inner, unknown, crossing));
      place = span[1];
      const later = rest.slice(1).filter(function (one) { return one[1] > span[1]; });
      crossing = crossing.concat(later.filter(function (one) { return one[0] < place; }));
      rest = later.filter(function (one) { return one[0] >= place; });
    }
    putTokens(parent, tokens, place, end, unknown);
    return crossing;
  }

  function markOf(tokens, span, inner, unknown, crossing) {
    const mark = element("mark", span[3]);
    const left = fill(mark, tokens, inner, span[0], span[1], unknown);
    if (crossing) { Array.prototype.push.apply(crossing, left); }
    const label = element("small", "", span[2]);
    if (typeof span[4] === "number") { label.append(" " + span[4].toFixed(2)); }
    mark.append(label);
    return mark;
  }

  function row(key, line) {
    const made = element("div", "row");
    const name = element("div");
    name.append(word(key));
    made.append(name, line);
    return made;
  }

  function show(sentence) {
    const card = element("article", "sentence");
    const heading = element("h3", "", "#" + (sentence.sentence + 1) + " ");
    const kinds = new Map();
    sentence.gold.concat(sentence.predicted.filter(function (span) { return span[3] === "spurious"; }))
      .forEach(function (span) {
        if (span[3] !== "correct") { kinds.set(span[3], (kinds.get(span[3]) || 0) + 1); }
      });
    kinds.forEach(function (count, kind) {
      const part = element("span", "key " + kind);
      part.append(word("kind_" + kind), " " + count);
      heading.append(" · ", part);
    });
    const tokens = tokensOf(sentence);
    const unknown = new Set(sentence.unknown);
    card.append(heading);
    card.append(row("gold", marked(tokens, sentence.gold, unknown)));
    card.append(row("predicted", marked(tokens, sentence.predicted, unknown)));
    return card;
  }

  const list = document.getElementById("errors-list");
  if (list) {
    const more = document.getElementById("more");
    const count = document.getElementById("errors-count");
    const filters = ["kind", "type", "text"].map(function (name) { return document.getElementById("by-" + name); });
    let chosen = [];
    let shown = 0;

    const wanted = function (sentence) {
      const kind = filters[0].value, type = filters[1].value, text = filters[2].value.toLowerCase();
      if (text && !tokensOf(sentence).join("").toLowerCase().includes(text)) { return false; }
      return sentence.gold.concat(sentence.predicted).some(function (span) {
        return (kind ? span[3] === kind : span[3] !== "correct") && (!type || span[2] === type);
      });
    };
    const page = function () {
      const next = document.createDocumentFragment();
      chosen.slice(shown, shown + PAGE).forEach(function (sentence) { next.append(show(sentence)); });
      list.append(next);
      shown = Math.min(shown + PAGE, chosen.length);
      more.hidden = shown === chosen.length;
      count.textContent = shown + " / " + chosen.length;
    };
    const choose = function () {
      chosen = data.sentences.filter(wanted);
      shown = 0;
      list.replaceChildren();
      page();
    };
    filters.forEach(function (filter) { filter.addEventListener("input", choose); });
    more.addEventListener("click", page);
    choose();
  }
  setLanguage(/^zh/i.test(navigator.language || "") ? "zh-CN" : "en");
})();
