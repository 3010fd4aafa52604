// Draws the questions and finds them. Texts of papers, questions and answers go in as text nodes
// only, never as markup.
(() => {
  'use strict';
  const AT_ONCE = 100;
  const FILTERS = ['system', 'type', 'wrong', 'text'];
  const { systems, kinds, measures, questions } = JSON.parse(byId('data').textContent);
  const form = byId('filters');
  let matching = questions;
  let drawn = 0;

  function byId(id) {
    return document.getElementById(id);
  }

  const el = (tag, kind, ...children) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...children.flat().filter((child) => child !== null && child !== ''));
    return made;
  };

  const list = (items, tag = 'ul') => el(tag, '', items.map((item) => el('li', '', item)));

  const part = (title, ...children) => {
    const there = children.flat().filter((child) => child !== null && child !== '');
    return there.length ? el('section', 'part', el('h4', '', title), there) : null;
  };

  const folded = (title, ...children) =>
    el('details', 'folded', el('summary', '', title), ...children);

  const quiet = (text) => el('span', 'quiet', text);

  // A sign beside a word, as colour alone says nothing.
  const verdict = (good, word) => {
    const sign = el('span', '', good ? '✓ ' : '✗ ');
    sign.setAttribute('aria-hidden', 'true');
    return el('span', good ? 'verdict good' : 'verdict bad', sign, word);
  };

  const systemName = (name) => {
    const number = systems.indexOf(name) % 4;
    const shape = el('span', 'shape', '●■▲◆'[number] + ' ');
    shape.setAttribute('aria-hidden', 'true');
    return el('span', `system system-${number}`, shape, name);
  };

  const outcomeVerdict = (outcome) =>
    outcome.failures.length
      ? verdict(false, `wrong: ${outcome.failures[0].kind}`)
      : verdict(true, outcome.declined ? 'right: declined' : 'right');

  // Text in which words that were looked for are marked.
  const marked = (text, words) => {
    const low = text.toLowerCase();
    const pieces = [];
    let at = 0;
    while (at < text.length) {
      const next = words
        .map((word) => ({ word, start: low.indexOf(word, at) }))
        .filter(({ word, start }) => word && start >= 0)
        .sort((a, b) => a.start - b.start || b.word.length - a.word.length)[0];
      if (!next) break;
      const end = next.start + next.word.length;
      pieces.push(text.slice(at, next.start), el('mark', '', text.slice(next.start, end)));
      at = end;
    }
    return [...pieces, text.slice(at)];
  };

  const withMarks = (text, words) =>
    text
      .split(/(\[\d+\])/)
      .flatMap((piece, i) => (i % 2 ? [el('span', 'cite', piece)] : marked(piece, words)));

  const rightOrNot = (source) =>
    source.right ? verdict(true, 'right paper') : quiet('not a right paper');

  const quoted = (source) => el('blockquote', '', source.sentences.map((s) => el('p', '', s)));

  const cited = (source) =>
    el(
      'li',
      '',
      el('p', '', el('span', 'cite', `[${source.number}] `), el('i', '', source.title)),
      el('p', 'about', rightOrNot(source), quiet(`support: ${source.support}`)),
      source.sentences.length > 3
        ? folded(`${source.sentences.length} sentences`, quoted(source))
        : quoted(source),
    );

  const found = (source) =>
    el(
      'li',
      source.right ? 'is-right' : '',
      el('span', 'score', source.score.toFixed(3)),
      el('span', '', el('i', '', source.title), ' ', source.right ? rightOrNot(source) : null),
    );

  const shown = (source, words) => [
    el('p', '', el('i', '', source.title), ' ', source.right ? rightOrNot(source) : null),
    list(source.sentences.map((sentence) => marked(sentence, words))),
  ];

  const failure = ({ kind, detail }) => [
    el('b', '', kind),
    `: ${kinds[kind] || ''}`,
    detail ? el('span', 'detail', detail) : null,
  ];

  const pairs = (rows) =>
    el('dl', 'pairs', rows.map(([term, value]) => el('div', '', el('dt', '', term), el('dd', '', value))));

  const scores = (outcome) => {
    const rows = Object.entries(measures)
      .filter(([name]) => name in outcome.scores)
      .map(([name, label]) => [label, String(outcome.scores[name])]);
    return folded('Scores', pairs([...rows, ['confidence', String(outcome.confidence)]]));
  };

  const times = ({ timings }) => {
    const seconds = (value) => `${value.toFixed(2)} s`;
    const wrote = timings.answer_tokens > 0;
    return pairs([
      ['search', seconds(timings.retrieve_s)],
      ...(wrote ? [['first word', seconds(timings.first_token_s)]] : []),
      ['whole answer', seconds(timings.total_s)],
      ['tokens', wrote ? `${timings.prompt_tokens} read, ${timings.answer_tokens} written` : 'none: no model wrote'],
    ]);
  };

  const spellings = ([first, ...others]) => [
    first,
    others.length ? quiet(` or ${others.join(', ')}`) : '',
  ];

  const checked = (facts, good, yes, no) =>
    facts.length
      ? list(facts.map((fact, i) => [verdict(good[i], good[i] ? yes : no), ' ', ...spellings(fact)]))
      : null;

  const drawOutcome = (entry, outcome) => {
    const words = entry.facts.flat();
    return el(
      'article',
      'outcome',
      el('h3', '', systemName(outcome.system), ' ', outcomeVerdict(outcome)),
      el('div', outcome.declined ? 'answer declined' : 'answer', withMarks(outcome.answer, words)),
      outcome.declined ? el('p', 'about', el('b', '', 'Declined'), outcome.reason) : null,
      outcome.warning ? el('p', 'about', el('b', '', 'Warning'), outcome.warning) : null,
      part('What is wrong', outcome.failures.length ? list(outcome.failures.map(failure)) : null),
      part('Key facts', checked(entry.facts, outcome.held, 'held', 'missing')),
      part('Not to be said', checked(entry.forbidden, outcome.said.map((s) => !s), 'not said', 'said')),
      part('Left out', outcome.left_out.length ? list(outcome.left_out) : null),
      part('Citations', outcome.cited.length ? el('ul', 'cited', outcome.cited.map(cited)) : null),
      part(
        'Found',
        outcome.searched ? el('p', 'about', el('b', '', 'Searched as'), outcome.searched) : null,
        outcome.filters ? el('p', 'about', el('b', '', 'Only'), outcome.filters) : null,
        outcome.found.length ? el('ol', 'found', outcome.found.map(found)) : null,
      ),
      folded('Sentences shown to the model', outcome.shown.flatMap((source) => shown(source, words))),
      scores(outcome),
      part('Time', times(outcome)),
    );
  };

  const said = ([question, answer]) => [el('b', '', question), el('br'), answer];

  const drawExpected = (entry) => {
    const rows = [
      ['papers', entry.right.length ? list(entry.right.map((title) => el('i', '', title))) : 'none: the question is to be declined'],
      entry.expected ? ['begins with', entry.expected] : null,
      entry.pointers.length ? ['sentences', list(entry.pointers)] : null,
      entry.reference ? ['reference', entry.reference] : null,
    ];
    return el('section', 'part expected', el('h3', '', 'Expected'), pairs(rows.filter(Boolean)));
  };

  const drawBody = (entry) =>
    el(
      'div',
      'body',
      entry.history.length ? el('section', 'part', el('h3', '', 'Said before'), list(entry.history.map(said), 'ol')) : null,
      drawExpected(entry),
      el('div', 'outcomes', entry.outcomes.map((outcome) => drawOutcome(entry, outcome))),
    );

  const drawEntry = (entry) => {
    const many = systems.length > 1;
    const verdicts = entry.outcomes.map((outcome) =>
      el('span', 'one', many ? systemName(outcome.system) : null, many ? ' ' : null, outcomeVerdict(outcome)),
    );
    const about = el('span', 'quiet', entry.id, ' · ', entry.type);
    const summary = el('summary', '', about, ' ', el('span', 'question', entry.question), ' ', el('span', 'verdicts', verdicts));
    const made = el('details', 'entry', summary);
    made.addEventListener('toggle', () => made.open && made.children.length < 2 && made.append(drawBody(entry)));
    return made;
  };

  // With hundreds of questions what is out of sight need not be there yet.
  const drawMore = () => {
    const next = matching.slice(drawn, drawn + AT_ONCE).map(drawEntry);
    byId('entries').append(...next);
    drawn += next.length;
    const left = matching.length - drawn;
    byId('rest').hidden = left === 0;
    byId('further').textContent = `Show ${Math.min(left, AT_ONCE)} more of ${left}`;
    return next[0];
  };

  const OUTCOMES = {
    fails: (some) => some.some((outcome) => outcome.failures.length),
    right: (some) => some.every((outcome) => !outcome.failures.length),
    first: (some, kind) => some.some(({ failures }) => failures[0] && failures[0].kind === kind),
    any: (some, kind) => some.some(({ failures }) => failures.some((f) => f.kind === kind)),
  };

  const fits = (entry, { system, type, wrong, text }) => {
    const some = entry.outcomes.filter((outcome) => !system || outcome.system === system);
    if (!some.length || (type && entry.type !== type)) return false;
    const [name, kind] = wrong.split(':');
    if (wrong === 'differ') {
      if (!OUTCOMES.fails(entry.outcomes) || entry.outcomes.every(({ failures }) => failures.length)) return false;
    } else if (wrong && !OUTCOMES[name](some, kind)) return false;
    return text.toLowerCase().split(/\s+/).every((word) => haystack(entry).includes(word));
  };

  const haystacks = new Map();
  const haystack = (entry) => {
    if (!haystacks.has(entry)) {
      const { id, type, question, history, right, reference, outcomes } = entry;
      const answers = outcomes.flatMap((o) => [o.answer, o.reason, ...o.left_out, ...o.cited.map((c) => c.title)]);
      const all = [id, type, question, history.flat(), right, reference, answers].flat();
      haystacks.set(entry, all.join('\n').toLowerCase());
    }
    return haystacks.get(entry);
  };

  const chosen = () => Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value]));

  const apply = () => {
    const filters = chosen();
    matching = questions.filter((entry) => fits(entry, filters));
    drawn = 0;
    byId('entries').replaceChildren();
    drawMore();
    byId('count').textContent = `${matching.length} of ${questions.length} questions`;
  };

  const keep = () => {
    const kept = new URLSearchParams(Object.entries(chosen()).filter(([, value]) => value));
    history.replaceState(null, '', `#${kept}`);
  };

  // What the address says is chosen; a link to a section says nothing of it.
  const read = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    const says = FILTERS.some((name) => kept.has(name));
    if (!says && location.hash) return false;
    for (const name of FILTERS) {
      const field = form.elements[name];
      field.value = kept.get(name) || '';
      if (field.selectedIndex === -1) field.selectedIndex = 0;
    }
    return says;
  };

  const follow = () => {
    const says = read();
    apply();
    if (!says) return;
    byId('questions').scrollIntoView();
    byId('questions-title').focus({ preventScroll: true });
  };

  let waiting = 0;
  form.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { keep(); apply(); }, 120);
  });
  form.addEventListener('reset', () => setTimeout(() => { keep(); apply(); }));
  form.addEventListener('submit', (event) => event.preventDefault());
  byId('further').addEventListener('click', () => {
    const first = drawMore();
    if (first) first.firstChild.focus();
  });
  window.addEventListener('hashchange', follow);
  form.hidden = false;
  follow();
})();
