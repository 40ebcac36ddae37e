// @ts-check
// The screen's own token: it comes in the link's fragment, which no server ever sees, and stays in this tab.

const KEY = `aboard.token:${document.body.dataset.screen ?? ''}`;

/** The token of this tab, taken from the fragment the first time. @returns {string} */
export function token() {
  const fragment = decodeURIComponent(location.hash.slice(1));
  if (fragment) {
    sessionStorage.setItem(KEY, fragment);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY) ?? '';
}

/** A refusal of the hub, with its key and facts for the catalogue. */
export class Refusal extends Error {
  /** @param {number} status @param {{error: string, facts: Record<string, unknown>, zh: string, en: string}} answer */
  constructor(status, answer) {
    super(answer.error);
    this.status = status;
    this.answer = answer;
  }
}

/**
 * Ask the server; answers JSON or throws a Refusal. A server that cannot be reached is the Refusal `feed_lost`.
 * @param {string} path @param {RequestInit} [how] @returns {Promise<any>}
 */
export async function call(path, how = {}) {
  let response;
  try {
    response = await fetch(path, { ...how, headers: { ...how.headers, Authorization: `Bearer ${token()}` } });
  } catch {
    throw new Refusal(503, { error: 'feed_lost', facts: { feed: location.host }, zh: '', en: '' });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

/**
 * Ask a desk (POST /api/v1/ask/<name>) once, whatever the network does: retries carry the same key.
 * @param {string} name @param {object} [command] @returns {Promise<any>}
 */
export async function ask(name, command = {}) {
  const key = crypto.randomUUID();
  const how = {
    method: 'POST',
    body: JSON.stringify(command),
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(`/api/v1/ask/${name}`, how);
    } catch (wrong) {
      if (!(wrong instanceof Refusal) || wrong.answer.error !== 'feed_lost' || attempt === 3) throw wrong;
      await new Promise((done) => setTimeout(done, 300 * attempt));
    }
  }
}
