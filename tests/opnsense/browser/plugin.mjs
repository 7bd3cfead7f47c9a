// SPDX-License-Identifier: BSD-2-Clause
// Where the plugin's files are, and its scripts loaded without a browser.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const plugin = process.env.CARPD_PLUGIN ?? path.resolve(here, '../../../opnsense-plugin');
export const views = path.join(plugin, 'src/opnsense/mvc/app/views/OPNsense/Carpd');
export const scripts = path.join(plugin, 'src/opnsense/www/js/carpd');
export const widgets = path.join(plugin, 'src/opnsense/www/js/widgets');

export const read = (...parts) => readFileSync(path.join(...parts), 'utf8');
export const list = (folder, ending) => readdirSync(folder).filter((name) => name.endsWith(ending));

/** The texts of the pages, in English, by key. */
export function texts() {
    const found = read(views, 'texts.volt').matchAll(/<li data-key="(\w+)">\{\{ lang\._\('(.*)'\) \}\}<\/li>/g);
    return Object.fromEntries([...found].map(([, key, text]) => [key, text]));
}

/** The words of the widget, in English. */
export function translations() {
    const [, words] = read(widgets, 'Metadata/Carpd.xml').match(/<translations>([^]*)<\/translations>/);
    return Object.fromEntries([...words.matchAll(/<(\w+)>([^<]*)</g)].map(([, key, text]) => [key, text]));
}

/** `carpd` with these scripts loaded, in a world of its own. What they need of a page has to be given. */
export function load(names, world = {}) {
    const context = vm.createContext({ console, ...world });
    for (const name of names) {
        vm.runInContext(read(scripts, `${name}.js`), context, { filename: `${name}.js` });
    }
    context.carpd.texts = texts();
    return context.carpd;
}
