import { straight } from './endpoint.ts';
import { interop } from './matrix.ts';

interop('straight to the server', straight);
