import { describeBackend } from 'dgents-core/testing';
import * as subject from './lmdb-backend.kit.js';

describeBackend({ describe, test, ...subject });
