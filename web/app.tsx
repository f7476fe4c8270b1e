/**
 * The page: the login, or the navigation and the view that the URL names.
 */
import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon.js';
import { KeysView } from './keys-view.js';
import { lazy } from './lazy.js';
import { LoginView } from './login-view.js';
import { dismiss, notices } from './notices.js';
import { Action, Empty } from './parts.js';
import { ProjectsView } from './projects-view.js';
import { fragmentOf, go, projectRoute, revisits, route, type ProjectView } from './route.js';
import { caller, isGlobal, leave, may, mayListProjects } from './session.js';
import { theme, toggleTheme } from './theme.js';

const AccessView = lazy(async () => (await import('./access-view.js')).AccessView);
const LiveView = lazy(async () => (await import('./live-view.js')).LiveView);
const SettingsView = lazy(async () => (await import('./settings-view.js')).SettingsView);
const ServerView = lazy(async () => (await import('./state-view.js')).ServerView);
const StateView = lazy(async () => (await import('./state-view.js')).StateView);

/** The whole UI. */
export function App() {
  return (
    <>
      {caller.value === null ? <LoginView /> : <Frame />}
      <div class="notices" aria-live="polite">
        {notices.value.map(({ id, kind, text }) => (
          <div key={id} class={`notice ${kind}`}>
            <span>{text}</span>
            <Action icon="close" label="Dismiss" isBare onClick={() => dismiss(id)} />
          </div>
        ))}
      </div>
    </>
  );
}

function Frame() {
  const { project, view } = route.value;
  const own = caller.value?.project ?? null;
  const shown = project ?? own;
  useEffect(() => {
    // Who can open one project only is at home there.
    if (project === null && own !== null) go(projectRoute(own), { replaces: true });
  }, [project, own]);
  return (
    <div class="frame">
      <Side project={shown} />
      <main id="main" key={`${shown} ${view === 'k' || view === 'h' ? 'keys' : view}`}>
        <View project={shown} view={view} />
      </main>
    </div>
  );
}

function View({ project, view }: { readonly project: string | null; readonly view: string }) {
  if (project === null) {
    if (view === 'access' && isGlobal()) return <AccessView project={null} />;
    return may('metrics') && !mayListProjects() ? <ServerView /> : <ProjectsView />;
  }
  const { project: own } = caller.value ?? { project: null };
  if (own !== null && own !== project) {
    return (
      <Empty icon="access" title={`This API key does not open "${project}"`}>
        <p>It belongs to <a href={fragmentOf(projectRoute(own))}>{own}</a>.</p>
      </Empty>
    );
  }
  if (view === 'live' && may('history')) return <LiveView project={project} />;
  if (view === 'state' && may('read')) return <StateView project={project} />;
  if (view === 'access' && may('admin')) return <AccessView project={project} />;
  if (view === 'settings' && may('admin')) return <SettingsView project={project} />;
  return <KeysView project={project} />;
}

interface ProjectLink {
  readonly view: ProjectView;
  readonly label: string;
  readonly icon: IconName;
  readonly isShown: () => boolean;
}

const PROJECT_LINKS: readonly ProjectLink[] = [
  { view: 'keys', label: 'Keys', icon: 'keys', isShown: () => may('read') },
  { view: 'live', label: 'Live', icon: 'live', isShown: () => may('history') },
  { view: 'state', label: 'State', icon: 'state', isShown: () => may('read') },
  { view: 'access', label: 'API keys', icon: 'access', isShown: () => may('admin') },
  { view: 'settings', label: 'Settings', icon: 'settings', isShown: () => may('admin') },
];

function Side({ project }: { readonly project: string | null }) {
  const { view, at } = route.value;
  const isServer = project === null;
  const current = view === 'k' || view === 'h' || view === 'projects' ? 'keys' : view;
  return (
    <header class="side">
      <a class="brand" href="#/"><Logo />SimpleKV</a>
      <nav aria-label="Views">
        {mayListProjects() && (
          <NavLink href="#/" icon="projects" label="Projects" isCurrent={isServer && view !== 'access'} />
        )}
        {isServer && may('metrics') && !mayListProjects() && <NavLink href="#/" icon="state" label="Server" isCurrent />}
        {isServer && isGlobal() && caller.value?.hasKey === true && (
          <NavLink href="#/access" icon="access" label="API keys" isCurrent={view === 'access'} />
        )}
        {project !== null && (
          <>
            <span class="project-name" title={project}>{project}</span>
            {PROJECT_LINKS.filter(({ isShown }) => isShown()).map(({ view: target, label, icon }) => (
              <NavLink key={target} icon={icon} label={label} isCurrent={target === current}
                href={fragmentOf({ ...projectRoute(project), view: target, at })}
                {...(target === current ? { onClick: () => { revisits.value += 1; } } : {})} />
            ))}
          </>
        )}
      </nav>
      <div class="who">
        <p title={caller.value?.permissions.join(', ')}>
          <b>{caller.value?.name}</b>
          <span>{caller.value?.project === null ? 'all projects' : caller.value?.project} · {caller.value?.permissions.join(', ')}</span>
        </p>
        <Action isBare icon={theme.value === 'dark' ? 'sun' : 'moon'} label={theme.value === 'dark' ? 'Light theme' : 'Dark theme'}
          onClick={toggleTheme} />
        <Action isBare icon="leave" label="Sign out" onClick={() => leave(null)} />
      </div>
    </header>
  );
}

function NavLink({ href, icon, label, isCurrent, onClick }: {
  readonly href: string; readonly icon: IconName; readonly label: string; readonly isCurrent: boolean; readonly onClick?: () => void;
}) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    // On a narrow screen the links are a row that scrolls.
    if (isCurrent) link.current?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [isCurrent]);
  return (
    <a ref={link} class="nav-link" href={href} aria-current={isCurrent ? 'page' : undefined} onClick={onClick}>
      <Icon name={icon} />{label}
    </a>
  );
}

/** The mark of the program. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" /><path d="M4 5h8M4 8h8M4 11h5" />
    </svg>
  );
}
