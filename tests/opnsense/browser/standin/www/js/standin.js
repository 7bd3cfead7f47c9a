// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * A stand-in for jQuery, Bootstrap's dialogs and core's widgets, for machines without a checkout of core. It covers what the
 * pages "Status" and "Check" and the widget use, and nothing more.
 */
(function () {
    let setup = {};

    class Elements {
        constructor(what) {
            const list = typeof what === 'string' && what.startsWith('<')
                ? Object.assign(document.createElement('template'), { innerHTML: what }).content.children
                : typeof what === 'string' ? document.querySelectorAll(what) : [what];
            Object.assign(this, Array.from(list));
            this.length = list.length;
        }

        ready(then) {
            document.addEventListener('DOMContentLoaded', then);
        }

        modal(how) {
            const shown = how !== 'hide';
            this[0].classList.toggle('in', shown);
            this[0].style.display = shown ? 'block' : 'none';
            return this;
        }
    }

    globalThis.$ = (what) => new Elements(what);
    $.ajaxSetup = (options) => { setup = options; };
    $.ajax = function ({ type, url, data, contentType, timeout, complete }) {
        const request = new XMLHttpRequest();
        request.open(type, url);
        request.timeout = timeout;
        request.setRequestHeader('Content-Type', contentType);
        setup.beforeSend?.(request);
        request.onload = () => complete(request, request.status < 300 ? 'success' : 'error');
        request.onerror = () => complete(request, 'error');
        request.ontimeout = () => complete(request, 'timeout');
        request.send(data);
    };

    document.addEventListener('click', (event) => {
        if (event.target.closest('[data-dismiss=modal]')) {
            $(event.target.closest('.modal')).modal('hide');
        }
    });

    globalThis.BootstrapDialog = {
        TYPE_INFO: 'info',
        show({ message, buttons }) {
            const dialog = document.createElement('div');
            dialog.className = 'modal bootstrap-dialog in';
            dialog.style.display = 'block';
            dialog.append(message[0]);
            for (const { label, cssClass, action } of buttons) {
                const button = document.createElement('button');
                button.className = `btn ${cssClass ?? ''}`;
                button.textContent = label;
                button.addEventListener('click', () => action({ close: () => dialog.remove() }));
                dialog.append(button);
            }
            document.body.append(dialog);
        },
    };

    globalThis.BaseTableWidget = class {
        constructor(config) {
            this.config = config;
        }

        setTranslations(translations) {
            this.translations = translations;
        }

        async ajaxCall(url) {
            const answer = await fetch(url);
            if (!answer.ok) {
                throw new Error(`${url}: ${answer.status}`);
            }
            return answer.json();
        }
    };
}());
