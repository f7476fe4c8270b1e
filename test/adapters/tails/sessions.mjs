// Put behind an example of sessions: a page that counts its visits, and one that ends the session.
import { once } from 'node:events';
import { createServer } from 'node:http';

const count = (holder, path) => {
  if (path === '/end') return 'ended';
  holder.views = (holder.views ?? 0) + 1;
  return String(holder.views);
};
const listeners = {
  'koa-session': () => {
    app.use((ctx) => {
      ctx.body = count(ctx.session, ctx.path);
      if (ctx.path === '/end') ctx.session = null;
    });
    return app.callback();
  },
  'express-session': () => (request, response) => {
    sessions(request, response, () => {
      const text = count(request.session, request.url);
      if (request.url === '/end') request.session.destroy(() => response.end(text));
      else response.end(text);
    });
  },
};
const server = createServer(listeners['NAME']());
await once(server.listen(0, '127.0.0.1'), 'listening');
let cookie = '';
const visit = async (path) => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: { cookie } });
  cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ') || cookie;
  return await answer.text();
};
console.log(await visit('/'), await visit('/'), await visit('/'));
const expiring = [];
for await (const { expiresAt } of kv.entries({ prefix: 'session/' })) if (expiresAt !== null) expiring.push(expiresAt);
console.log(expiring.length, 'key that expires');
await visit('/end');
console.log(await kv.count({ prefix: 'session/' }), 'keys');
server.closeAllConnections();
server.close();
