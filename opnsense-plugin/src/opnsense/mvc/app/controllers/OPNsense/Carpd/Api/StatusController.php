<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Api;

use OPNsense\Base\ApiControllerBase;
use OPNsense\Carpd\Findings;
use OPNsense\Core\Backend;
use OPNsense\Core\Config;

/**
 * carpctl's answers, as they are.
 */
class StatusController extends ApiControllerBase
{
    /** Far more than any config.xml has. */
    private const LARGEST_CONFIG = 8388608;

    private const SEVERITIES = ['ok', 'warning', 'critical', 'unknown'];

    /**
     * @return string|null what the action printed, null if configd does not run or the action failed
     */
    private function ask($action, $parameters = [])
    {
        // A page that waits for a configd that does not run would seem to hang.
        $text = (string)(new Backend())->configdpRun('carpd ' . $action, $parameters, false, 30, 2);

        return trim($text) === '' ? null : $text;
    }

    private static function failed($message = null)
    {
        $usual = gettext('carpctl gives no answer; see System: Log Files: Backend, and whether the package carpd is installed.');

        return ['result' => 'failed', 'message' => $message ?? $usual];
    }

    public function getAction()
    {
        $status = json_decode((string)$this->ask('show status'), true);
        $answer = is_array($status) ? ['result' => 'ok', 'data' => $status] : self::failed();

        return $answer + ['opnsense' => $this->opnsense()];
    }

    /**
     * What config.xml knows and the kernel does not: names.
     */
    private function opnsense()
    {
        $config = Config::getInstance()->object();
        $interfaces = $devices = $vips = [];
        foreach ($config->interfaces->children() as $key => $interface) {
            $device = trim((string)$interface->if);
            if ($device !== '' && (string)$interface->type !== 'group') {
                $name = trim((string)$interface->descr) ?: strtoupper($key);
                $interfaces[$device] = ['key' => $key, 'descr' => $name];
                $devices[$key] = $device;
            }
        }
        foreach ($config->virtualip->vip ?? [] as $vip) {
            $device = $devices[(string)$vip->interface] ?? null;
            if ((string)$vip->mode === 'carp' && $device !== null) {
                $vips[$vip->vhid . '@' . $device] = [
                    'descr' => trim((string)$vip->descr),
                    'subnet' => $vip->subnet . '/' . $vip->subnet_bits,
                ];
            }
        }
        $answer = json_decode((string)$this->ask('maintenance show'), true);

        return [
            'enabled' => (string)($config->OPNsense->carpd->general->enabled ?? '') === '1',
            'interfaces' => (object)$interfaces,
            'vips' => (object)$vips,
            'maintenance' => $answer['maintenance'] ?? null,
        ];
    }

    /**
     * The other node's status, by way of the synchronisation: only the node that synchronises can ask.
     */
    public function peerAction()
    {
        if (trim((string)Config::getInstance()->object()->hasync->synchronizetoip) === '') {
            return self::failed(gettext('This node synchronises to no other one, so it cannot ask it.'));
        }
        $answer = json_decode((string)$this->ask('show peer'), true);

        return is_array($answer) ? $answer : self::failed(gettext('The other node does not answer.'));
    }

    public function historyAction($limit = '100')
    {
        $limit = ctype_digit((string)$limit) ? max(1, min((int)$limit, 1000)) : 100;
        $text = $this->ask('show history', [(string)$limit]);
        $entries = [];
        foreach (preg_split('/\n/', (string)$text, -1, PREG_SPLIT_NO_EMPTY) as $line) {
            $entry = json_decode($line, true);
            if (is_array($entry)) {
                $entries[] = $entry;
            }
        }

        return $text === null ? self::failed() : ['result' => 'ok', 'entries' => $entries];
    }

    public function checkAction()
    {
        list($code, $text) = explode("\n", (string)$this->ask('show check'), 2) + ['', ''];
        if (!in_array($code, ['0', '1', '2', '3'], true)) {
            return self::failed();
        }

        return [
            'result' => 'ok',
            'code' => (int)$code,
            'severity' => self::SEVERITIES[(int)$code],
            'text' => trim($text),
        ];
    }

    public function whyAction($object = '')
    {
        $object = rawurldecode((string)($object ?: $this->request->get('object', null, '')));
        if ($object !== '' && !preg_match('/^[0-9A-Za-z][0-9A-Za-z@._:-]{0,79}$/D', $object)) {
            return self::failed(gettext('This is no vhid, no interface and no service.'));
        }

        return $this->text($this->ask('show why', [$object]));
    }

    public function explainAction($code = '')
    {
        if (!preg_match('/^(CARP-)?[A-Z]\d{3}$/D', (string)$code)) {
            return self::failed(gettext('This is no code of a finding.'));
        }

        return $this->text($this->ask('show explain', [$code]));
    }

    private function text($text)
    {
        return $text === null ? self::failed() : ['result' => 'ok', 'text' => rtrim($text)];
    }

    public function configCheckAction()
    {
        return $this->documents($this->ask('show config_check'));
    }

    /**
     * The other node's configuration is needed for as long as it is read, and no longer.
     */
    public function configCheckPeerAction()
    {
        if (!$this->request->isPost()) {
            return self::failed(gettext('Only POST is allowed.'));
        }
        $text = (string)$this->request->getPost('peer', null, '');
        if ($text === '' || strlen($text) > self::LARGEST_CONFIG) {
            return self::failed(gettext('Give the config.xml of the other node, of at most 8 MiB.'));
        }
        $file = tempnam('/tmp', 'carpd_peer_');
        try {
            // tempnam() makes it readable by its owner alone; it holds the passwords of the other node.
            file_put_contents($file, $text);
            return $this->documents($this->ask('show config_check_peer', [$file]));
        } finally {
            unlink($file);
        }
    }

    private function documents($text)
    {
        $documents = json_decode((string)$text, true);
        if (!is_array($documents)) {
            return self::failed();
        }
        $documents = array_values(array_filter($documents, 'is_array'));

        return ['result' => 'ok', 'documents' => array_map([Findings::class, 'withPages'], $documents)];
    }
}
