import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import { ShortWriteError } from '../../src/disk/disk.js';
import { type DiskFault, faultOf, ForeignChangeError } from '../../src/disk/disk-fault.js';
import { NotOpenedError } from '../../src/disk/held-file.js';
import { suite } from '../suite.js';
import { errnoError } from './disk-tree.js';

const test = suite('disk-fault');

const KINDS: Readonly<Record<DiskFault, readonly unknown[]>> = {
  space: [...['ENOSPC', 'EDQUOT', 'EFBIG'].map((code) => errnoError(code, 'append')), new ShortWriteError(10, 3)],
  shortage: [
    ...['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].map((code) => errnoError(code, 'open')), new NotOpenedError(errnoError('EMFILE', 'open')),
  ],
  disk: [
    ...['EIO', 'EROFS', 'ENXIO', 'ESTALE', 'EINVAL', 'EACCES', 'ENOENT'].map((code) => errnoError(code, 'append')),
    new ForeignChangeError('its size is another'), new NotOpenedError(errnoError('EROFS', 'open')),
  ],
  defect: [
    errnoError('EBADF', 'datasync'), errnoError('EFAULT', 'append'), new InvariantError('Broken invariant: one'), new TypeError('wrong'),
    Object.assign(new RangeError('wrong'), { code: 'ERR_OUT_OF_RANGE' }), new Error('unforeseen'), 'a text',
  ],
};
for (const [kind, errors] of Object.entries(KINDS)) {
  test(`errors of the class ${kind} are classified as such`, () => {
    for (const error of errors) assert.equal(faultOf(error), kind, String(error));
  });
}

test.run();
