/** What the benchmarks use of autocannon, which brings no types of its own. */
declare module 'autocannon' {
  /** One request of the cycle that each connection repeats. */
  export interface Request {
    readonly method: 'GET' | 'PUT';
    readonly path: string;
    readonly body?: string;
    /** Called before each is sent; gives what is sent instead. */
    readonly setupRequest?: <T>(request: T) => T;
  }

  /** How the load is made. */
  export interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration?: number;
    /** How many requests, instead of a duration. */
    readonly amount?: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly requests: readonly Request[];
  }

  /** What was seen; only what the benchmarks read. */
  export interface Result {
    /** Seconds. */
    readonly duration: number;
    readonly errors: number;
    readonly timeouts: number;
    readonly non2xx: number;
    readonly requests: { readonly total: number };
    /** Milliseconds. */
    readonly latency: { readonly p99: number };
  }

  export default function autocannon(options: Options): Promise<Result>;
}
