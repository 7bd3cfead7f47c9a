# SPDX-License-Identifier: BSD-2-Clause
#
# Copyright (c) 2026, the carpd authors
"""What the templates render is read back by a TOML parser, by sh, and by carpd itself (CARPCTL)."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

try:
    import tomllib
except ImportError:
    tomllib = None

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + '/standin')

import templates  # noqa: E402

PAIR = HERE + '/configs/pair.xml'
UUID = '11111111-2222-4333-8444-555555555555'

SERVICE = {
    'enabled': '1', 'name': 'gateway', 'follows': '1@wan,3@lan', 'driver': 'rc', 'rc_script': 'defguard_gateway',
    'require': 'all', 'settle': '6s', 'description': 'not rendered', 'stop_limit': '', 'on_exit': 'standby',
}
PROBE = {'enabled': '1', 'service': UUID, 'name': 'api', 'kind': 'tcp', 'connect': '127.0.0.1:50066', 'effect': 'report'}

# carpd's code for a file that is not TOML at all.
NOT_TOML = 'CARP-C103'

NASTY = [
    'plain', "it's", 'say "hello"', 'back\\slash', 'ends in \\', '"]\n[control]\nadmin_group = "wheel', '\t tab', 'a\r\nb',
    'Grüße 統 😀', '$(reboot)`reboot`', "'; reboot; '", '{{ 7 * 7 }}{% raw %}', '\x7f', '"""', "'''", '#', '\u2028', '\\u0041',
]


def element(parent, name, values, uuid=None):
    node = ElementTree.SubElement(parent, name)
    if uuid:
        node.set('uuid', uuid)
    for key, value in values.items():
        ElementTree.SubElement(node, key).text = value
    return node


def config(directory, general=None, services=(), probes=(), node=None):
    """A config.xml with the plugin's sections."""
    document = ElementTree.parse(PAIR)
    opnsense = ElementTree.SubElement(document.getroot(), 'OPNsense')
    carpd = ElementTree.SubElement(opnsense, 'carpd', {'version': '1.0.0'})
    element(carpd, 'general', general or {'enabled': '1'})
    parent = ElementTree.SubElement(carpd, 'services')
    for number, service in enumerate(services):
        element(parent, 'service', service, UUID if number == 0 else UUID[:-1] + str(number))
    parent = ElementTree.SubElement(carpd, 'probes')
    for probe in probes:
        element(parent, 'probe', probe, 'a' + UUID[1:])
    element(opnsense, 'carpdnode', node or {})
    path = directory + '/config.xml'
    document.write(path, encoding='utf-8', xml_declaration=True)
    return path


class Templates(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix='carpd-templates-')
        self.addCleanup(self.scratch.cleanup)

    def render(self, **sections):
        path = config(self.scratch.name, **sections)
        templates.render(path, self.scratch.name)
        with open(self.scratch.name + '/usr/local/etc/carpd/carpd.toml.new', encoding='utf-8') as file:
            return file.read()

    def check(self, text):
        """carpd's own judgement, with the config.xml of the test in the place of the machine's."""
        path = self.scratch.name + '/carpd.toml'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace('"/conf/config.xml"', json.dumps(self.scratch.name + '/config.xml')))
        command = [os.environ['CARPCTL'], 'config', 'check', '--json', path]
        report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        return [finding for finding in report['findings'] if finding['severity'] == 'error']

    def test_what_a_page_can_save_is_what_carpd_can_read(self):
        probes = [
            PROBE,
            {**PROBE, 'name': 'web', 'kind': 'http', 'url': 'http://127.0.0.1:8080/health', 'healthy': '200-299,404',
             'ignored': '503', 'every': '10s', 'timeout': '2s', 'rise': '1', 'fall': '5', 'effect': 'demote', 'demote': '240'},
            {**PROBE, 'name': 'it', 'kind': 'process', 'program': '/usr/local/bin/x', 'pidfile': '/var/run/x.pid'},
            {**PROBE, 'name': 'beat', 'kind': 'file', 'path': '/var/run/beat', 'max_age': '1m'},
            {**PROBE, 'name': 'off', 'enabled': '0'},
            {**PROBE, 'name': 'of another', 'service': 'b' + UUID[1:]},
        ]
        general = {'enabled': '1', 'maintenance_default_for': '2h', 'boot_hold': '2m', 'poll': '2s', 'banner': '1'}
        node = {'name': 'fw1', 'log': 'debug', 'metrics': '1', 'metrics_port': '9513'}
        services = [
            SERVICE,
            {**SERVICE, 'name': 'off', 'enabled': '0'},
            {'enabled': '1', 'name': 'tunnel', 'follows': '1@wan', 'mode': 'warm', 'link_interface': 'wg20'},
            {'enabled': '1', 'name': 'by_configd', 'follows': '3@lan', 'driver': 'configd', 'configd_start': 'x start',
             'configd_stop': 'x stop', 'process_program': 'x', 'process_pidfile': '/var/run/x.pid'},
            {'enabled': '1', 'name': 'by_script', 'follows': '3@lan', 'driver': 'script', 'script': 'web'},
            {'enabled': '1', 'name': 'of_a_profile', 'follows': '9@lan', 'profile': 'frr'},
        ]
        text = self.render(general=general, services=services, probes=probes, node=node)
        self.assertEqual(self.check(text), [], text)
        for part in ['name = "fw1"', 'log = "debug"', 'poll = "2s"', 'listen = "127.0.0.1:9513"', 'boot = "2m"',
                     'follows = ["1@wan", "3@lan"]', 'default_for = "2h"', 'demote = 240', 'interface = "wg20"', 'profile = "frr"',
                     'start = ["/usr/local/etc/carpd/scripts/web", "start"]', 'healthy = ["200-299", "404"]']:
            self.assertIn(part, text)
        for part in ['"off"', 'of another', 'not rendered', 'stop_limit', 'password', 's3cret']:
            self.assertNotIn(part, text)

    def test_without_any_section_there_is_a_configuration_that_asks_for_nothing(self):
        templates.render(PAIR, self.scratch.name)
        with open(PAIR, encoding='utf-8') as pair, open(self.scratch.name + '/config.xml', 'w', encoding='utf-8') as copy:
            copy.write(pair.read())
        with open(self.scratch.name + '/usr/local/etc/carpd/carpd.toml.new', encoding='utf-8') as file:
            self.assertEqual(self.check(file.read()), [])

    def test_no_value_ends_its_string(self):
        self.assertIn(NOT_TOML, [finding['code'] for finding in self.check('a = "')])
        fields = ['name', 'follows', 'rc_script', 'settle', 'on_exit', 'fence', 'ready', 'link_interface', 'process_program']
        for value in NASTY:
            text = self.render(
                services=[{**SERVICE, **{field: value for field in fields}}],
                probes=[{**PROBE, 'name': value, 'kind': value, 'connect': value}],
                node={'name': value},
            )
            codes = [finding['code'] for finding in self.check(text)]
            self.assertNotIn(NOT_TOML, codes, f'{value!r} is not TOML:\n{text}')
            if tomllib is None:
                continue
            read = tomllib.loads(text)
            # An XML parser makes one newline of \r\n.
            value = value.replace('\r\n', '\n')
            service = read['service'][0]
            self.assertEqual(sorted(read), ['control', 'node', 'service', 'vips'], value)
            self.assertEqual(read['control'], {'group': 'wheel'})
            self.assertEqual((read['node']['name'], service['name'], service['settle']), (value,) * 3)
            self.assertEqual(service['rc'], {'script': value})
            self.assertEqual(','.join(service['follows']), value)
            self.assertEqual(service['fence'], ['/usr/local/etc/carpd/scripts/' + value])
            self.assertEqual(service['probe'][0]['name'], value)

    def test_rc_conf_says_whether_it_is_enabled_and_that_the_hooks_do_the_rest(self):
        for enabled, answer in [('1', 'YES'), ('0', 'NO'), ("1'; reboot; '", 'YES')]:
            self.render(general={'enabled': enabled})
            path = self.scratch.name + '/etc/rc.conf.d/carpd'
            script = f'. {path}; echo "$carpd_enable $carpd_early_skip $carpd_drain_skip"'
            said = subprocess.run(['sh', '-euc', script], capture_output=True, text=True, check=True)
            self.assertEqual((said.stdout, said.stderr), (f'{answer} YES YES\n', ''))

    def test_two_services_and_one_are_rendered_alike(self):
        text = self.render(services=[SERVICE, {**SERVICE, 'name': 'second', 'rc_script': 'second'}])
        self.assertEqual(text.count('[[service]]'), 2)
        self.assertEqual(self.check(text), [], text)


if __name__ == '__main__':
    unittest.main()
