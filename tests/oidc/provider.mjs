// The certified provider (oidc-provider), set up as a municipality's would be: code with PKCE, a
// form to sign in with, logout there and by the back channel. Settings come as JSON in SETTINGS.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { Provider } from 'oidc-provider';

const settings = JSON.parse(process.env.SETTINGS);
const people = settings.people ?? {
  anna: { name: 'Anna Holm', email: 'anna.holm@example.dk', groups: ['raad'] },
  bo: { name: 'Bo Lund', email: 'bo.lund@example.dk', groups: [] },
};

// A client that shows who it is by a key is registered with the public half of it.
const clients = settings.clients.map(({ certificate, ...client }) => {
  if (!certificate) return client;
  const key = createPublicKey(readFileSync(certificate)).export({ format: 'jwk' });
  return { ...client, jwks: { keys: [{ ...key, use: 'sig' }] } };
});

const provider = new Provider(settings.issuer, {
  clients,
  cookies: { keys: ['only for tests'] },
  conformIdTokenClaims: false,
  claims: {
    openid: ['sub', 'amr', 'acr', 'sid', 'oid', 'upn'],
    profile: ['name', 'preferred_username', 'groups'],
    email: ['email'],
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  // The gateway is on the same machine, where the provider would not send a logout by itself.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  async findAccount(_context, id) {
    const person = people[id];
    return person && {
      accountId: id,
      claims: async () => ({ sub: id, preferred_username: person.email, ...person }),
    };
  },
  // Nobody is asked for consent: the client is the municipality's own.
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const grant = new context.oidc.provider.Grant({
      clientId: client.clientId,
      accountId: session.accountId,
    });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
});

async function interaction(request, response) {
  await provider.interactionDetails(request, response);
  if (request.method === 'POST') {
    let body = '';
    for await (const part of request) body += part;
    const form = new URLSearchParams(body);
    const login = { accountId: form.get('login'), amr: ['pwd', 'mfa'] };
    await provider.interactionFinished(request, response, { login });
    return;
  }
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(
    '<!doctype html><title>Provider</title><h1>Provider</h1>' +
      '<form method="post"><input id="login" name="login"><button type="submit">OK</button></form>',
  );
}

provider.on('backchannel.error', (_context, error) => console.error(error));
provider.on('server_error', (_context, error) => console.error(error));

const callback = provider.callback();
// The part of the issuer behind its host; the provider learns from `originalUrl` that it stands below it.
const below = new URL(settings.issuer).pathname.replace(/\/$/, '');
const tls = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
https
  .createServer(tls, (request, response) => {
    if (request.url.startsWith('/interaction/')) {
      interaction(request, response).catch((error) => {
        console.error(error);
        response.statusCode = 500;
        response.end();
      });
    } else if (request.url.startsWith(`${below}/`)) {
      request.originalUrl = request.url;
      request.url = request.url.slice(below.length);
      callback(request, response);
    } else {
      response.statusCode = 404;
      response.end();
    }
  })
  .listen(settings.port, settings.address ?? '127.0.0.1');
