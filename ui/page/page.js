// What the page does without asking the server: opening sources, copying, saving, small forms.
// Everything else is sent as an action through a button out of sight, which Gradio passes on.
(() => {
  'use strict';
  const ASKS = ['ask', 'retry', 'ask-all'];
  const IN_LIBRARY = ['sort', 'page', 'remove', 'remove-sample', 'undo', 'mend'];
  let lastMark = null;

  const send = (action) => {
    if (action.do === 'library') return tab('Library');
    const box = ASKS.includes(action.do) ? 'do-ask' : IN_LIBRARY.includes(action.do) ? 'do-library' : 'do';
    const door = document.getElementById(box);
    if (!door) return;
    if (action.do === 'new') sessionStorage.removeItem('askpapers.open');
    if (action.do === 'open') sessionStorage.setItem('askpapers.open', action.id);
    window.askpapersAction = JSON.stringify(action);
    door.click();
    if (action.do === 'edit') setTimeout(() => document.querySelector('#question textarea')?.focus(), 250);
  };

  const tab = (name) => {
    const tabs = [...document.querySelectorAll('#tabs [role=tab]')];
    tabs.find((t) => t.textContent.trim() === name)?.click();
  };

  const card = (mark) => document.getElementById(`t${mark.dataset.turn}-c${mark.dataset.cite}`);

  const showSourcesOf = (turn) => {
    document.querySelectorAll('#sources .of-turn[data-turn]').forEach((section) => {
      section.hidden = section.dataset.turn !== String(turn);
    });
  };

  const openSource = (mark) => {
    const paper = card(mark);
    if (!paper) return;
    lastMark = mark;
    hidePeek();
    showSourcesOf(mark.dataset.turn);
    document.querySelectorAll('#sources .card.open').forEach((c) => c.classList.remove('open'));
    paper.classList.add('open');
    paper.querySelector('details').open = true;
    paper.focus({ preventScroll: true });
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const behaviour = calm ? 'auto' : 'smooth';
    const evidence = paper.querySelector('mark');
    const scroller = document.querySelector('#sources-column');
    if (scroller.scrollHeight > scroller.clientHeight + 4 && getComputedStyle(scroller).overflowY !== 'visible') {
      const at = (e) => e.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
      const sentence = evidence ? at(evidence) - scroller.clientHeight * 0.6 : 0;
      scroller.scrollTo({ top: Math.max(at(paper) - 12, sentence), behavior: behaviour });
    } else {
      const at = (e) => e.getBoundingClientRect().top + scrollY;
      const sentence = evidence ? at(evidence) - innerHeight * 0.5 : 0;
      scrollTo({ top: Math.max(at(paper) - 12, sentence), behavior: behaviour });
    }
  };

  const peek = () => {
    let box = document.getElementById('peek');
    if (!box) {
      box = document.createElement('div');
      box.id = 'peek';
      box.setAttribute('aria-hidden', 'true');
      document.body.append(box);
    }
    return box;
  };
  const hidePeek = () => { peek().hidden = true; };
  const showPeek = (mark) => {
    const paper = card(mark);
    if (!paper) return;
    const box = peek();
    box.replaceChildren();
    const title = document.createElement('strong');
    title.textContent = paper.querySelector('h3').textContent;
    const sentence = document.createElement('p');
    sentence.textContent = paper.querySelector('mark, blockquote')?.textContent || '';
    box.append(title, sentence);
    box.hidden = false;
    const place = mark.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(place.left, innerWidth - box.offsetWidth - 8))}px`;
    const above = place.top - box.offsetHeight - 8;
    box.style.top = `${above > 8 ? above : place.bottom + 8}px`;
  };

  const say = (button, words) => {
    const before = button.textContent;
    button.textContent = words;
    setTimeout(() => { button.textContent = before; }, 1500);
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(button, 'Copied');
    } catch {
      say(button, 'The browser forbids it');
    }
  };

  const save = (button) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([button.dataset.save], { type: 'text/plain' }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const judge = (button) => {
    const turn = button.closest('.turn');
    const form = turn.querySelector('form.word');
    turn.querySelectorAll('[data-thumb]').forEach((b) => b.setAttribute('aria-pressed', b === button));
    form.dataset.verdict = button.dataset.thumb;
    form.hidden = false;
    form.querySelector('input').focus();
  };

  const rename = (button) => {
    const item = button.closest('li');
    const form = document.createElement('form');
    form.className = 'rename';
    const field = document.createElement('input');
    field.value = button.dataset.name;
    field.maxLength = 80;
    field.setAttribute('aria-label', 'New name');
    form.append(field);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      send({ do: 'rename', id: button.dataset.rename, text: field.value });
    });
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') { form.remove(); button.focus(); }
    });
    item.append(form);
    field.select();
  };

  const remove = (button) => {
    if (button.dataset.sure) return send({ do: 'delete', id: button.dataset.delete });
    button.dataset.sure = 'yes';
    button.textContent = 'Delete for good?';
    setTimeout(() => { delete button.dataset.sure; button.textContent = 'Delete'; }, 4000);
  };

  const actions = [
    ['.cite', openSource],
    ['[data-do]', (b) => send(JSON.parse(b.dataset.do))],
    ['[data-copy]', copy],
    ['[data-save]', save],
    ['[data-thumb]', judge],
    ['[data-rename]', rename],
    ['[data-delete]', remove],
    ['.back', () => { lastMark?.focus(); lastMark?.scrollIntoView({ block: 'center' }); }],
  ];
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('button');
    const found = button && actions.find(([selector]) => button.matches(selector));
    if (found) found[1](button);
  });
  document.addEventListener('submit', (event) => {
    if (!event.target.matches('form.word')) return;
    event.preventDefault();
    const form = event.target;
    send({ do: 'verdict', turn: Number(form.dataset.turn), verdict: form.dataset.verdict, text: form.word.value });
    form.hidden = true;
  });
  for (const [type, act] of [['mouseover', showPeek], ['focusin', showPeek], ['mouseout', hidePeek], ['focusout', hidePeek]]) {
    document.addEventListener(type, (event) => {
      const mark = event.target.closest?.('.cite');
      if (mark) act(mark);
    });
  }
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hidePeek(); });

  // The conversation that is open is found again after a reload; a new turn scrolls into view.
  const watch = () => {
    const live = document.querySelector('#live');
    const rail = document.querySelector('#conversations');
    if (!live || !rail) return setTimeout(watch, 100);
    new MutationObserver(() => {
      const turn = live.querySelector('.turn');
      if (turn && turn.dataset.turn !== live.dataset.seen) {
        live.dataset.seen = turn.dataset.turn;
        document.querySelector('#sources-column').scrollTop = 0;
        turn.scrollIntoView({ block: 'start', behavior: 'auto' });
      }
      if (!turn) delete live.dataset.seen;
    }).observe(live, { childList: true, subtree: true });
    new MutationObserver(() => {
      const here = rail.querySelector('[aria-current] .opener');
      if (here) sessionStorage.setItem('askpapers.open', JSON.parse(here.dataset.do).id);
    }).observe(rail, { childList: true, subtree: true });
  };
  watch();
})();
