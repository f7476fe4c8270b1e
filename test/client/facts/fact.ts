/** The form of a fact about the client: it is checked in each environment in the same way. Nothing here may need Node. */
import { SimpleKv, SimpleKvAdmin, type SimpleKvOptions } from '../../../src/client/index.js';

/** What a fact is given: a server of its own environment, with the global API key. */
export interface FactServer {
  readonly url: string;
  readonly globalKey: string;
}

/** What a fact works with. */
export interface Scene extends FactServer {
  readonly admin: SimpleKvAdmin;
  /** The id of a project that no other fact uses. */
  readonly project: string;
  /** Its API key. */
  readonly key: string;
  readonly kv: SimpleKv;
  /** Another client of the project. */
  readonly client: (options?: Partial<SimpleKvOptions>) => SimpleKv;
}

/** A sentence, and what shows that it is true. */
export type Fact = readonly [sentence: string, check: (scene: Scene) => Promise<void>];

/** Checks facts one after another; returns those that do not hold, each with the reason. */
export async function checkFacts(facts: readonly Fact[], server: FactServer, prefix: string): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const [index, [sentence, check]] of facts.entries()) {
    try {
      await check(await sceneOf(server, `${prefix}-${index}`));
    } catch (error) {
      failures.push(`${sentence}: ${error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error)}`);
    }
  }
  return failures;
}

async function sceneOf(server: FactServer, project: string): Promise<Scene> {
  const { url, globalKey } = server;
  const admin = new SimpleKvAdmin({ url, key: globalKey });
  const { api_key: key } = await admin.projects.create({ id: project });
  if (key === null) throw new Error('A project has an API key');
  const client = (options: Partial<SimpleKvOptions> = {}): SimpleKv => new SimpleKv({ url, project, key, ...options });
  return { ...server, admin, project, key, kv: client(), client };
}
