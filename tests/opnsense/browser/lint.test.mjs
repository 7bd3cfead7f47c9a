// SPDX-License-Identifier: BSD-2-Clause
// Mistakes that can be seen without running anything: texts, templates, forbidden constructs, metadata.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { list, plugin, read, scripts, texts, views, widgets } from './plugin.mjs';

const sources = [...list(scripts, '.js').map((name) => path.join(scripts, name)), path.join(widgets, 'Carpd.js')];
const templates = list(views, '.volt').map((name) => path.join(views, name));

test('every script parses', () => {
    for (const file of sources) {
        execFileSync(process.execPath, ['--check', ...(file.includes('/widgets/') ? ['--input-type=module'] : []), ...(file.includes('/widgets/') ? ['-'] : [file])],
            { input: read(file), stdio: ['pipe', 'ignore', 'pipe'] });
    }
});

test('no script sets HTML from text', () => {
    const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\.html\(|\beval\(|new Function|javascript:/;
    for (const file of sources) {
        assert.doesNotMatch(read(file), forbidden, file);
    }
    // jQuery makes HTML of a string that begins with `<`: only the widget's constant frame does.
    const made = sources.flatMap((file) => [...read(file).matchAll(/\$\(\s*[`'"]\s*<[^)]*\)/g)].map(([call]) => call));
    assert.deepEqual(made, [`$('<div class="carpd-widget" id="carpd-widget" role="status"></div>')`]);
});

test('every text that a script asks for is there, and every text is asked for', () => {
    const known = texts();
    const asked = new Set();
    const families = new Set();
    for (const file of sources.filter((name) => !name.includes('/widgets/'))) {
        const code = read(file);
        for (const [, key] of code.matchAll(/\btext\('(\w+)'/g)) {
            asked.add(key);
        }
        for (const [, family] of code.matchAll(/\btext\(`(\w+?_)\$\{/g)) {
            families.add(family);
        }
        // Keys that are chosen first and asked for later are written as words somewhere.
        for (const [, word] of code.matchAll(/'([a-z_]+)'/g)) {
            if (word in known) {
                asked.add(word);
            }
        }
    }
    assert.deepEqual([...asked].filter((key) => !(key in known)), []);
    const used = (key) => asked.has(key) || [...families].some((family) => key.startsWith(family));
    assert.deepEqual(Object.keys(known).filter((key) => !used(key)), []);
});

test('texts that stand for values of the status are there for each of them', () => {
    const known = texts();
    const schema = JSON.parse(read(plugin, '../src/ctl/status.schema.json')).$defs;
    const values = (name) => schema[name].oneOf.map((one) => one.const);
    const families = {
        severity: values('Severity'), source: values('PartSource'), want: values('Role'), is: values('Is'), busy: values('ActionKind'),
        health: values('Health'), follows: values('Require'),
        action: values('ActionKind').flatMap((kind) => values('ActionResult').map((result) => `${kind}_${result}`)),
    };
    for (const [family, words] of Object.entries(families)) {
        assert.deepEqual(words.filter((word) => !(`${family}_${word}` in known)), [], family);
    }
});

test('templates are balanced, and what they refer to exists', () => {
    for (const file of templates) {
        const text = read(file);
        for (const [open, close] of [['{{', '}}'], ['{%', '%}'], ['{#', '#}']]) {
            assert.equal(text.split(open).length, text.split(close).length, `${file}: ${open} ${close}`);
        }
        for (const [, view] of text.matchAll(/partial\("(OPNsense\/[^"]+)"/g)) {
            assert.ok(existsSync(path.join(views, '../..', `${view}.volt`)), `${file}: ${view}`);
        }
        for (const [, names] of text.matchAll(/'scripts': \[([^\]]*)\]/g)) {
            for (const [, name] of names.matchAll(/'(\w+)'/g)) {
                assert.ok(existsSync(path.join(scripts, `${name}.js`)), `${file}: ${name}`);
            }
        }
    }
});

test('the widget lists every endpoint that it asks, and a translation for every word', () => {
    const code = read(widgets, 'Carpd.js');
    const metadata = read(widgets, 'Metadata/Carpd.xml');
    const endpoints = [...metadata.matchAll(/<endpoint>(.*?)<\/endpoint>/g)].map(([, one]) => new RegExp(`^${one.replaceAll('*', '.*')}$`));
    const asked = [...code.matchAll(/ajaxCall\('([^']+)'/g)].map(([, one]) => one);
    assert.ok(asked.length > 0);
    assert.deepEqual(asked.filter((one) => !endpoints.some((allowed) => allowed.test(one))), []);
    const words = [...code.matchAll(/\bwords\.(\w+)/g)].map(([, word]) => word);
    assert.deepEqual(words.filter((word) => !metadata.includes(`<${word}>`)), []);
});
