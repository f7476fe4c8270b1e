/** fast-check with the number of cases that the form of the tests asks for: tests import it from here and set no number of their own. */
import fc from 'fast-check';
import { PROPERTY_RUNS } from './test-form.js';

fc.configureGlobal({ numRuns: PROPERTY_RUNS });

export { fc };
