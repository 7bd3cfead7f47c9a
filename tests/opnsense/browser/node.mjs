// SPDX-License-Identifier: BSD-2-Clause
// A lab with two nodes, and the plugin's web server of the first one.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { here, plugin } from './plugin.mjs';

const run = promisify(execFile);
const built = process.env.CARPD_BUILT ?? path.resolve(here, '../../../target/release');

/** What a test is made of, said once, so that nobody takes a stand-in for the real thing. */
export function parts() {
    return [
        `pages: ${process.env.OPNSENSE_PHALCON ? 'Volt of Phalcon' : 'a stand-in for Volt'}`,
        `scripts and styles around them: ${process.env.OPNSENSE_CORE ? `core in ${process.env.OPNSENSE_CORE}` : 'a stand-in for those of core'}`,
        `API: the plugin's classes on ${process.env.OPNSENSE_CORE ? 'those of core' : 'stand-ins for those of core'}, with the carpctl of a lab behind a stand-in for configd`,
    ].join('\n');
}

export class Lab {
    constructor() {
        this.folder = mkdtempSync(path.join(tmpdir(), 'carpd-pages-'));
        this.env = { ...process.env, CARPD_LAB: path.join(this.folder, 'lab'), CARPD_BUILT: built };
        execFileSync(path.join(built, 'carpctl'), ['lab', 'up', '--detach'], { env: this.env, stdio: 'ignore' });
    }

    async carpctl(...words) {
        const { stdout } = await run(path.join(built, 'carpctl'), words, { env: this.env });
        return stdout;
    }

    lab(...words) {
        return this.carpctl('lab', ...words);
    }

    /** Waits until a node is MASTER of all its vhids. */
    async master(node) {
        for (const vhid of ['1@vtnet0', '3@vtnet1']) {
            await this.carpctl('--node', node, 'wait', vhid, '--state', 'MASTER', '--timeout', '30s');
        }
    }

    async end() {
        await this.lab('down').catch(() => {});
        rmSync(this.folder, { recursive: true, force: true });
    }
}

async function freePort() {
    const server = net.createServer();
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address();
    await new Promise((resolve) => { server.close(resolve); });
    return port;
}

export class Server {
    constructor(lab, name, theme = 'opnsense') {
        this.lab = lab;
        this.theme = theme;
        this.files = path.join(lab.folder, name);
        mkdirSync(this.files);
    }

    /** What OPNsense would know of this node, or a prepared answer: `status.json`, `history.json`. */
    write(name, what) {
        const file = path.join(this.files, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, typeof what === 'string' ? what : JSON.stringify(what));
    }

    forget(name) {
        rmSync(path.join(this.files, name), { force: true, recursive: true });
    }

    async start() {
        this.port ??= await freePort();
        const extension = process.env.OPNSENSE_PHALCON ? ['-d', `extension=${process.env.OPNSENSE_PHALCON}`] : [];
        this.child = spawn('php', [...extension, '-S', `127.0.0.1:${this.port}`, path.join(here, 'front.php')], {
            env: {
                ...this.lab.env,
                PHP_CLI_SERVER_WORKERS: '4',
                CARPD_PLUGIN: plugin,
                CARPD_CARPCTL: path.join(here, 'carpctl.sh'),
                CARPD_NODE: 'fw1',
                CARPD_PEER: 'fw2',
                CARPD_FILES: this.files,
                CARPD_THEME: this.theme,
            },
            stdio: 'ignore',
            detached: true,
        });
        await this.answers(true);
    }

    /** Waits until the port is open, or closed. */
    async answers(wanted) {
        for (let tries = 0; tries < 200; tries++) {
            const open = await new Promise((resolve) => {
                const socket = net.connect(this.port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
                socket.on('error', () => resolve(false));
            });
            if (open === wanted) {
                return;
            }
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
        throw new Error(`the test server does not ${wanted ? 'start' : 'end'}`);
    }

    url(page) {
        return `http://127.0.0.1:${this.port}${page}`;
    }

    async stop() {
        if (this.child) {
            // Its workers are in its process group, which is its own.
            process.kill(-this.child.pid, 'SIGKILL');
            this.child = null;
            await this.answers(false);
        }
    }
}
