"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { texts, lists } = data;
  const find = (id) => document.getElementById(id);
  const make = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  // Said for those who hear the page: on a narrow screen tables are laid out as blocks.
  const as = (made, role) => {
    made.setAttribute("role", role);
    return made;
  };
  const number = (of) => of.toLocaleString("en");
  const count = (of, one, many) => `${number(of)} ${of === 1 ? one : many}`;
  const fold = (text) => text.toLowerCase();
  const place = (organization) => texts[organization] || "the whole platform";

  // A list of which only one page is in the document at a time.
  const paged = (name, size, nouns, row) => {
    const body = find(`${name}-rows`), live = find(`${name}-live`), nav = find(`${name}-pages`);
    const back = make("button", "Previous page"), on = make("button", "Next page"), where = make("span", "", "faint");
    back.type = on.type = "button";
    nav.append(back, where, on);
    let rows = [], page = 0;
    const draw = () => {
      const pages = Math.max(1, Math.ceil(rows.length / size));
      page = Math.min(Math.max(page, 0), pages - 1);
      const from = page * size, shown = rows.slice(from, from + size);
      body.replaceChildren(...shown.map(row).map((made) => as(made, "row")));
      back.disabled = page === 0;
      on.disabled = page === pages - 1;
      nav.hidden = pages === 1;
      where.textContent = `page ${number(page + 1)} of ${number(pages)}`;
      live.textContent = rows.length === 0 ? `no ${nouns[1]} here`
        : pages === 1 ? count(rows.length, ...nouns)
        : `${number(from + 1)} to ${number(from + shown.length)} of ${count(rows.length, ...nouns)}`;
    };
    back.addEventListener("click", () => { page -= 1; draw(); });
    on.addEventListener("click", () => { page += 1; draw(); });
    return (all) => { rows = all; page = 0; draw(); };
  };
  const cell = (label, text, kind) => {
    const made = as(make("td", text, kind), "cell");
    made.dataset.label = label;
    return made;
  };
  const head = (text) => {
    const made = as(make("th", text), "rowheader");
    made.scope = "row";
    return made;
  };
  const whenever = (ids, act) => {
    let waiting = 0;
    const soon = () => { clearTimeout(waiting); waiting = setTimeout(act, 120); };
    for (const id of ids) find(id).addEventListener("input", soon);
    act();
  };

  // Who loses and gains what.
  const courses = ["joins", "leaves", "stays"];
  const kinds = {
    all: () => true,
    loses: (one) => one[2] & 2,
    gains: (one) => one[2] & 1,
    escalation: (one) => one[2] & 4,
    joins: (one) => one[1] === 0,
    leaves: (one) => one[1] === 1,
    here: (one) => !(one[2] & 8),
    besides: (one) => one[2] & 8,
  };
  // Without a base nobody knows what is of this change.
  if (!data.impact.some(kinds.besides)) {
    for (const option of [...find("impact-kind").options]) if (["here", "besides"].includes(option.value)) option.remove();
  }
  const showImpact = paged("impact", 100, ["person", "people"], (one) => {
    const [user, course, flags, mails, , loses, gains, because] = one;
    const row = make("tr"), who = head(texts[user]);
    who.append(" ");
    if (flags & 4) who.append(make("span", "escalation", "tag escalation"));
    if (course < 2) who.append(make("span", courses[course], `tag ${course ? "loses" : "gains"}`));
    if (mails) who.append(make("span", count(mails, "mail", "mails"), "tag"));
    row.append(who, cell("loses", loses, "loses"), cell("gains", gains, "gains"), cell("because", because));
    return row;
  });
  whenever(["impact-search", "impact-kind"], () => {
    const asked = fold(find("impact-search").value.trim()), is = kinds[find("impact-kind").value];
    showImpact(data.impact.filter((one) => is(one)
      && (!asked || [texts[one[0]], one[5], one[6], one[7]].some((text) => fold(text).includes(asked)))));
  });

  // Sums by place.
  const showSums = paged("sums", 100, ["place", "places"], ([organization, site, lose, exit, gain, enter]) => {
    const row = make("tr");
    const of = head(site < 0 ? place(organization) : `${place(organization)} / ${texts[site]}`);
    row.append(of, cell("lose something", number(lose)), cell("lose all there", number(exit)),
      cell("gain something", number(gain)), cell("new there", number(enter)));
    if (site < 0) {
      const open = make("button", "Show access");
      open.type = "button";
      open.setAttribute("aria-label", `Show access in ${place(organization)}`);
      open.addEventListener("click", () => { choose(organization); find("access").scrollIntoView(); find("access-organization").focus(); });
      of.append(" ", open);
    }
    return row;
  });
  whenever(["sums-search", "sums-sites"], () => {
    const asked = fold(find("sums-search").value.trim()), sites = find("sums-sites").checked;
    showSums(data.places.filter(([organization, site]) => (sites || site < 0)
      && (!asked || fold(place(organization)).includes(asked) || (site >= 0 && fold(texts[site]).includes(asked)))));
  });

  // Who reaches which site, organization by organization: what is looked at is made when it is looked at.
  const persons = new Map(), organizations = new Map();
  const person = (user) => {
    if (!persons.has(user)) persons.set(user, { user, before: new Map(), change: new Map() });
    return persons.get(user);
  };
  const organization = (of) => {
    if (!organizations.has(of)) organizations.set(of, { people: new Set(), sites: new Set() });
    return organizations.get(of);
  };
  for (const [user, held] of data.people) {
    for (const [of, roles, sites] of held) {
      person(user).before.set(of, { roles, sites });
      const known = organization(of);
      known.people.add(user);
      for (const [, list] of sites) known.sites.add(list);
    }
  }
  for (const [user, , , , changes] of data.impact) {
    for (const [of, places] of changes) {
      person(user).change.set(of, places);
      const known = organization(of);
      known.people.add(user);
      for (const [list] of places) if (list >= 0) known.sites.add(list);
    }
  }
  // By site, and -1 for the organization: a list of roles, or nothing where it is not reached.
  const sides = (one, of) => {
    const before = new Map(), held = one.before.get(of);
    if (held && held.roles >= 0) before.set(-1, held.roles);
    for (const [roles, list] of held ? held.sites : []) for (const site of lists[list]) before.set(site, roles);
    const after = new Map(before);
    for (const [list, from, to] of one.change.get(of) || []) {
      for (const site of list < 0 ? [-1] : lists[list]) {
        if (from < 0) before.delete(site); else before.set(site, from);
        if (to < 0) after.delete(site); else after.set(site, to);
      }
    }
    return { before, after };
  };
  const roles = (list, none) => lists[list].map((role) => texts[role]).sort().join(", ") || none;
  const access = (from, to, label, none) => {
    const was = from === undefined ? "" : roles(from, none), is = to === undefined ? "" : roles(to, none);
    if (from === to) return cell(label, is);
    const made = cell(label, undefined, to === undefined ? "loses" : "gains");
    if (from === undefined) made.append(make("span", "gains ", "hidden"), `+ ${is}`);
    else if (to === undefined) made.append(make("span", "loses ", "hidden"), make("del", was));
    else made.append(make("del", was), make("span", " becomes", "hidden"), ` ${is}`);
    return made;
  };
  const WIDTH = 20;
  let columns = [], firstColumn = 0, now = -1;
  const showAccess = paged("access", 50, ["person", "people"], (one) => {
    const row = make("tr"), { before, after } = sides(one, now);
    row.append(head(texts[one.user]), access(before.get(-1), after.get(-1), "role", "member"));
    for (const site of columns.slice(firstColumn, firstColumn + WIDTH)) {
      row.append(access(before.get(site), after.get(site), texts[site], "✓"));
    }
    return row;
  });
  const drawAccess = () => {
    const row = make("tr"), names = ["person", "role"];
    names.push(...columns.slice(firstColumn, firstColumn + WIDTH).map((site) => texts[site]));
    for (const name of names) {
      const made = make("th", name);
      made.scope = "col";
      row.append(made);
    }
    find("access-head").replaceChildren(row);
    find("access-caption").textContent = `Who reaches which site of ${now < 0 ? "no organization" : place(now)}`;
    const last = Math.min(firstColumn + WIDTH, columns.length);
    find("access-columns").hidden = columns.length <= WIDTH;
    find("access-which").textContent = `sites ${number(firstColumn + 1)} to ${number(last)} of ${number(columns.length)}`;
    find("access-left").disabled = firstColumn === 0;
    find("access-right").disabled = last >= columns.length;
    const known = organizations.get(now), asked = fold(find("access-search").value.trim());
    const only = find("access-only").checked;
    const rows = known ? [...known.people].map((user) => persons.get(user)) : [];
    const by = (a, b) => (texts[a.user] < texts[b.user] ? -1 : 1);
    showAccess(rows.filter((one) => (!only || one.change.has(now)) && (!asked || fold(texts[one.user]).includes(asked))).sort(by));
  };
  const choose = (of) => {
    now = of;
    find("access-organization").value = String(of);
    const known = organizations.get(of), sites = new Set();
    for (const list of known ? known.sites : []) for (const site of lists[list]) sites.add(site);
    columns = [...sites].sort((a, b) => (texts[a] < texts[b] ? -1 : 1));
    firstColumn = 0;
    drawAccess();
  };
  const moves = (id, step) => find(id).addEventListener("click", () => { firstColumn = Math.max(0, firstColumn + step); drawAccess(); });
  moves("access-left", -WIDTH);
  moves("access-right", WIDTH);
  const sorted = [...organizations.keys()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
  const changed = new Set(data.places.map(([of]) => of));
  find("access-organization").append(...sorted.map((of) => {
    const made = make("option", changed.has(of) ? `${place(of)} (changes)` : place(of));
    made.value = String(of);
    return made;
  }));
  find("access-organization").addEventListener("change", (event) => choose(Number(event.target.value)));
  find("access-only").checked = changed.size > 0;
  if (sorted.length > 0) choose(sorted.find((of) => changed.has(of)) ?? sorted[0]); else drawAccess();
  whenever(["access-search", "access-only"], drawAccess);

  // The plan, with the lines that want it.
  const showPlan = paged("plan", 100, ["change", "changes"], ([where, who, what, note, file, yaml]) => {
    const row = make("tr"), line = cell("line", file);
    if (yaml) line.append(make("br"), make("code", yaml, "yaml"));
    row.append(head(who), cell("where", where), cell("what", note ? `${what} (${note})` : what), line);
    return row;
  });
  whenever(["plan-search"], () => {
    const asked = fold(find("plan-search").value.trim());
    showPlan(data.lines.filter((line) => !asked || line.some((text) => fold(text).includes(asked))));
  });
})();
