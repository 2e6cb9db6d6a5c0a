/** ipx behind its own handler for Node's server: `node ipx.mjs PORT`. Originals come from loopback by HTTP. */
import { createServer } from 'node:http';
import { createIPX, createIPXNodeServer, ipxHttpStorage } from 'ipx';

const ipx = createIPX({ httpStorage: ipxHttpStorage({ domains: ['127.0.0.1'] }) });
createServer(createIPXNodeServer(ipx)).listen(Number(process.argv[2]), '127.0.0.1');
