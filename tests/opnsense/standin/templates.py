# SPDX-License-Identifier: BSD-2-Clause
#
# Copyright (c) 2026, the carpd authors
"""A stand-in for OPNsense's template engine: its options, filters and helpers as far as the plugin's templates use them.

With OPNSENSE_CORE, the folder of a checkout of OPNsense's core, its own engine renders instead.
"""

import os
import subprocess
import sys
import shutil
import xml.etree.ElementTree as ElementTree

import jinja2

PLUGIN = os.path.abspath(os.path.join(os.path.dirname(__file__), '../../../opnsense-plugin/src/opnsense/service'))


def tree(node):
    """One child of a name is a value, several are a list; an element without children is its text, and none if it is empty."""
    if len(node) == 0:
        return node.text
    content = {}
    for child in node:
        value = tree(child)
        if isinstance(value, dict):
            value.update({'@' + key: text for key, text in child.attrib.items()})
        if value is None:
            continue
        if child.tag not in content:
            content[child.tag] = value
        elif isinstance(content[child.tag], list):
            content[child.tag].append(value)
        else:
            content[child.tag] = [content[child.tag], value]
    return content


class Helpers:
    def __init__(self, config):
        self.config = config

    def getNodeByTag(self, tag):
        node = self.config
        for step in tag.split('.'):
            if step not in node:
                return None
            node = node[step]
        return node

    def empty(self, tag):
        node = self.getNodeByTag(tag)
        return not node or hasattr(node, 'strip') and node.strip() in ('', '0')

    def toList(self, tag):
        node = self.getNodeByTag(tag)
        return [] if node is None else node if isinstance(node, list) else [node]


def render(config_xml, root):
    """Renders the module OPNsense/Carpd for the file config_xml, its targets below the folder root."""
    core = os.environ.get('OPNSENSE_CORE')
    if core:
        return render_by_core(core, config_xml, root)
    config = tree(ElementTree.parse(config_xml).getroot()) or {}
    folder = PLUGIN + '/templates'
    extensions = ['jinja2.ext.do', 'jinja2.ext.loopcontrols']
    engine = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), trim_blocks=True, extensions=extensions)
    engine.globals['helpers'] = Helpers(config)
    with open(folder + '/OPNsense/Carpd/+TARGETS', encoding='utf-8') as targets:
        for line in targets.read().split():
            source, target = line.split(':')
            content = engine.get_template('OPNsense/Carpd/' + source).render(config)
            os.makedirs(os.path.dirname(root + target), exist_ok=True)
            with open(root + target, 'w', encoding='utf-8') as file:
                file.write(content)


def render_by_core(core, config_xml, root):
    # The engine looks for templates beside itself.
    service = root + '/service'
    shutil.copytree(core + '/src/opnsense/service', service, ignore=shutil.ignore_patterns('templates'), dirs_exist_ok=True)
    shutil.copytree(PLUGIN + '/templates', service + '/templates', dirs_exist_ok=True)
    command = [sys.executable, 'template_ctl.py', '-c', os.path.abspath(config_xml), '-r', root, 'OPNsense/Carpd']
    result = subprocess.run(command, cwd=service, capture_output=True, text=True, check=True)
    assert 'templates...done' in result.stdout, result
