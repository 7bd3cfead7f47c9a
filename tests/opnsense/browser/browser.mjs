// SPDX-License-Identifier: BSD-2-Clause
// A page in Chromium, driven over its debugging pipe (Chrome DevTools Protocol), so that nothing but the browser is needed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** No single command of a test takes longer (ms), nor anything that is waited for; a busy machine needs patience. */
const LIMIT = 60_000;
/** A browser that has never run on this machine has much to read first. */
const LAUNCH = 180_000;

export class Browser {
    static async launch(program) {
        const profile = mkdtempSync(path.join(tmpdir(), 'carpd-browser-'));
        const child = spawn(
            program,
            [
                '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars',
                '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
                `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
            ],
            { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
        );
        const browser = new Browser(child, profile);
        try {
            await browser.send('Browser.getVersion', {}, undefined, LAUNCH);
        } catch (error) {
            await browser.close();
            throw error;
        }
        return browser;
    }

    constructor(child, profile) {
        this.child = child;
        this.profile = profile;
        this.waiting = new Map();
        this.listeners = [];
        this.next = 1;
        let rest = '';
        child.stdio[4].setEncoding('utf8').on('data', (chunk) => {
            const messages = (rest + chunk).split('\0');
            rest = messages.pop();
            messages.forEach((message) => this.receive(JSON.parse(message)));
        });
        child.on('exit', () => this.waiting.forEach(({ reject }) => reject(new Error('the browser has ended'))));
    }

    receive(message) {
        if (message.id === undefined) {
            this.listeners.forEach((listener) => listener(message));
            return;
        }
        const { resolve, reject, timer } = this.waiting.get(message.id);
        this.waiting.delete(message.id);
        clearTimeout(timer);
        if (message.error) {
            reject(new Error(message.error.message));
        } else {
            resolve(message.result);
        }
    }

    send(method, params = {}, sessionId = undefined, limit = LIMIT) {
        const id = this.next++;
        this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`${method} took too long`)), limit);
            this.waiting.set(id, { resolve, reject, timer });
        });
    }

    async page() {
        const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
        const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
        const page = new Page(this, targetId, sessionId);
        await page.send('Page.enable');
        await page.send('Runtime.enable');
        await page.send('Network.enable');
        return page;
    }

    async close() {
        const ended = new Promise((resolve) => { this.child.on('exit', resolve); });
        await this.send('Browser.close', {}, undefined, 10_000).catch(() => this.child.kill('SIGKILL'));
        await ended;
        rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
    }
}

class Page {
    constructor(browser, targetId, sessionId) {
        Object.assign(this, { browser, targetId, sessionId });
        /** What went wrong in the page: uncaught errors, `console.error`, dialogs that a script opened. */
        this.errors = [];
        /** Addresses that were asked for. */
        this.requests = [];
        browser.listeners.push((message) => message.sessionId === sessionId && this.hear(message));
    }

    hear({ method, params }) {
        if (method === 'Runtime.exceptionThrown') {
            const { exceptionDetails: details } = params;
            this.errors.push(`${details.text} ${details.exception?.description ?? ''} ${details.url ?? ''}:${details.lineNumber}`);
        } else if (method === 'Runtime.consoleAPICalled' && params.type === 'error') {
            this.errors.push(params.args.map((one) => one.value ?? one.description).join(' '));
        } else if (method === 'Page.javascriptDialogOpening') {
            this.errors.push(`a script opened a dialog: ${params.message}`);
            this.send('Page.handleJavaScriptDialog', { accept: true });
        } else if (method === 'Network.requestWillBeSent') {
            this.requests.push(params.request.url);
        }
    }

    send(method, params = {}) {
        return this.browser.send(method, params, this.sessionId);
    }

    /** Opens an address and waits until its document and scripts are there. */
    async open(url, { width = 1400, height = 1000, dark = false } = {}) {
        await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
        await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
        this.errors.length = 0;
        this.requests.length = 0;
        const loaded = new Promise((resolve) => {
            const listener = ({ method, sessionId }) => {
                if (method === 'Page.loadEventFired' && sessionId === this.sessionId) {
                    this.browser.listeners.splice(this.browser.listeners.indexOf(listener), 1);
                    resolve();
                }
            };
            this.browser.listeners.push(listener);
        });
        const { errorText } = await this.send('Page.navigate', { url });
        if (errorText) {
            throw new Error(`${url}: ${errorText}`);
        }
        await loaded;
    }

    /** Calls a function in the page and gives what it returns. */
    async run(what, ...values) {
        const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
            expression: `(${what})(...${JSON.stringify(values)})`,
            awaitPromise: true,
            returnByValue: true,
        });
        if (exceptionDetails) {
            throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        }
        return result.value;
    }

    /** Waits until a function in the page says something true. Looks again whenever the page changes or is drawn. */
    async until(what, ...values) {
        const found = await this.run(
            `async (values, limit) => {
                const look = ${what};
                const end = performance.now() + limit;
                for (;;) {
                    const seen = await look(...values);
                    if (seen || performance.now() > end) { return seen; }
                    await new Promise((resolve) => { setTimeout(resolve, 50); });
                }
            }`,
            values,
            LIMIT - 5_000,
        );
        if (!found) {
            const text = await this.text();
            throw new Error(`waited in vain for ${what} ${JSON.stringify(values)}; the page shows:\n${text.slice(0, 4000)}\n${this.errors.join('\n')}`);
        }
        return found;
    }

    text(selector = 'body') {
        return this.run((css) => document.querySelector(css)?.innerText ?? '', selector);
    }

    /** Waits for a text somewhere below `selector`. */
    sees(text, selector = 'body') {
        return this.until((css, wanted) => document.querySelector(css)?.innerText.includes(wanted), selector, text);
    }

    /** Clicks where an element is, as a person would: what lies over it gets the click instead. */
    async click(selector) {
        const point = await this.until((css) => {
            const element = [...document.querySelectorAll(css)].find((one) => one.getClientRects().length > 0);
            if (!element || element.disabled) { return null; }
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            const { left, top, width, height } = element.getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const hit = document.elementFromPoint(x, y);
            return hit && (element.contains(hit) || hit.contains(element)) ? { x, y } : null;
        }, selector);
        for (const type of ['mousePressed', 'mouseReleased']) {
            await this.send('Input.dispatchMouseEvent', { type, ...point, button: 'left', clickCount: 1 });
        }
    }

    async type(selector, text) {
        await this.click(selector);
        await this.send('Input.insertText', { text });
    }

    /** Gives a file to an `<input type=file>`. */
    async choose(selector, file) {
        const { root } = await this.send('DOM.getDocument');
        const { nodeId } = await this.send('DOM.querySelector', { nodeId: root.nodeId, selector });
        await this.send('DOM.setFileInputFiles', { nodeId, files: [file] });
    }

    /** A picture of the whole page, however long. */
    async picture(file) {
        const height = await this.run(() => Math.ceil(Math.max(document.documentElement.scrollHeight, document.querySelector('main')?.scrollHeight ?? 0)));
        const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true, ...(await this.clip(Math.min(height, 6000))) });
        writeFileSync(file, Buffer.from(data, 'base64'));
    }

    async clip(height) {
        const width = await this.run(() => innerWidth);
        return { clip: { x: 0, y: 0, width, height, scale: 1 } };
    }
}
