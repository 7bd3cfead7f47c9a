// SPDX-License-Identifier: BSD-2-Clause

/*
 * The verdict on one look: what this node is, what is wrong, what its services do, and the last failover. Everything is set as
 * text; the only HTML is the empty frame of `getMarkup`.
 */
export default class Carpd extends BaseTableWidget {
    constructor(config) {
        super(config);
        this.tickTimeout = 10;
    }

    getGridOptions() {
        return { sizeToContent: 650 };
    }

    getMarkup() {
        return $('<div class="carpd-widget" id="carpd-widget" role="status"></div>');
    }

    async onWidgetTick() {
        const host = document.getElementById('carpd-widget');
        if (host === null) {
            return;
        }
        let answer = null;
        try {
            answer = this.plain(await this.ajaxCall('/api/carpd/status/get'));
        } catch {
            // Shown below: no answer is an answer, too.
        }
        let entries = [];
        if (answer?.data?.source === 'daemon') {
            try {
                entries = this.plain(await this.ajaxCall('/api/carpd/status/history/200')).entries ?? [];
            } catch {
                // The history is left out.
            }
        }
        const shown = JSON.stringify([answer, entries.at(-1)?.seq], (key, value) => (key === 'time' ? undefined : value));
        if (shown !== this.shown) {
            this.shown = shown;
            host.replaceChildren(...this.content(answer, entries));
            this.config?.callbacks?.updateGrid?.();
        }
    }

    /** Undoes core's escaping of answers, once: what comes out is set as text. */
    plain(answer) {
        const entities = { lt: '<', gt: '>', amp: '&' };
        const text = JSON.stringify(answer).replace(/&(lt|gt|amp);/g, (whole, name) => entities[name]);
        return JSON.parse(text);
    }

    content(answer, entries) {
        const words = this.translations;
        if (!answer?.data) {
            return [this.line(this.badge('unknown', words.unknown), answer?.message ?? words.no_answer)];
        }
        const { data, opnsense } = answer;
        const lines = [this.line(this.badge(data.verdict.severity, words[data.verdict.severity] ?? words.unknown), this.strong(data.node), data.verdict.summary)];
        if (data.source === 'kernel') {
            lines.push(this.line(words.daemon_down));
        }
        const maintenance = opnsense?.maintenance ?? data.maintenance;
        if (maintenance?.active) {
            lines.push(this.line(this.badge('warning', words.maintenance), maintenance.reason || words.no_reason));
        }
        for (const problem of data.verdict.problems.slice(0, 3)) {
            lines.push(this.line(this.strong(problem.what)));
        }
        for (const service of data.services) {
            const ok = service.health !== 'unhealthy' && this.asWanted(service);
            lines.push(this.line(this.badge(ok ? 'ok' : 'warning', words[service.is] ?? words.unknown), service.name));
        }
        const last = entries.filter((entry) => entry.topic === 'vhid' && entry.text.includes('->')).at(-1);
        if (last) {
            lines.push(this.line(`${words.last}: ${last.object} ${last.text}, ${new Date(last.time).toLocaleString()}`));
        }
        const link = document.createElement('a');
        link.href = '/ui/carpd/status';
        link.textContent = words.more;
        lines.push(this.line(link));
        return lines;
    }

    asWanted(service) {
        return service.want === null || service.busy !== null || (service.want === 'active') === (service.is === 'running');
    }

    line(...parts) {
        const line = document.createElement('div');
        line.style.cssText = 'padding: 3px 10px; overflow-wrap: anywhere;';
        parts.forEach((part, index) => line.append(index > 0 ? ' ' : '', part));
        return line;
    }

    strong(text) {
        const element = document.createElement('b');
        element.textContent = text;
        return element;
    }

    badge(severity, text) {
        const colours = { ok: '#1a7f45', warning: '#a85a00', critical: '#c0322b' };
        const element = document.createElement('span');
        element.className = 'badge';
        element.style.cssText = `background-color: ${colours[severity] ?? '#5b6472'}; color: #fff;`;
        element.textContent = text;
        return element;
    }
}
