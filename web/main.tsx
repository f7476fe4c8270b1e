/**
 * Puts the UI into the page.
 */
import { render } from 'preact';
import { App } from './app.js';
import { followUrl } from './route.js';
import { enterAgain } from './session.js';
import { followTheme } from './theme.js';

followTheme();
followUrl();
await enterAgain();
const place = document.getElementById('app');
if (place !== null) render(<App />, place);
