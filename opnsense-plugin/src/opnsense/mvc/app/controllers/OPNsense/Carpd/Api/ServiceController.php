<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Api;

use OPNsense\Base\ApiMutableServiceControllerBase;
use OPNsense\Core\Backend;

class ServiceController extends ApiMutableServiceControllerBase
{
    protected static $internalServiceClass = '\OPNsense\Carpd\Carpd';
    protected static $internalServiceTemplate = 'OPNsense/Carpd';
    protected static $internalServiceEnabled = 'general.enabled';
    protected static $internalServiceName = 'carpd';

    /**
     * A change of the configuration moves no virtual IP and stops no service that goes on in the new one.
     */
    protected function reconfigureForceRestart()
    {
        return 0;
    }

    /**
     * Unlike the usual one it asks carpd whether it can use what was rendered. Where it cannot, the configuration in force
     * stays, and the answer says why.
     */
    public function reconfigureAction()
    {
        if (!$this->request->isPost()) {
            return ['status' => 'failed'];
        }
        $backend = new Backend();
        if (trim((string)$backend->configdpRun('template reload', [static::$internalServiceTemplate])) !== 'OK') {
            $text = gettext('The configuration could not be rendered; see the log of the configuration daemon.');
            return self::failed($text);
        }
        if ($this->serviceEnabled()) {
            $answer = self::applied((string)$backend->configdRun('carpd apply'));
        } else {
            $backend->configdRun('carpd stop');
            $answer = ['status' => 'ok'];
        }
        // The maintenance is looked after by cron, as long as carpd is enabled.
        $backend->configdRun('cron restart', true);

        return $answer;
    }

    /**
     * @param string $output of the action: an exit code, and the report of the configuration check
     */
    private static function applied($output)
    {
        list($code, $report) = explode("\n", $output, 2) + ['', ''];
        switch ($code) {
            case '0':
                return ['status' => 'ok'];
            case '2':
                $text = gettext('carpd has not taken the new configuration; see its log.');
                return self::failed($text);
            case '3':
                return self::failed(gettext('carpd could not be started; see its log.'));
        }
        $mistakes = [];
        foreach (json_decode($report, true)['findings'] ?? [] as $finding) {
            if (($finding['severity'] ?? '') === 'error') {
                $mistakes[] = sprintf('%s: %s; %s', $finding['code'], $finding['cause'], $finding['remedy']);
            }
        }
        if ($mistakes === []) {
            $mistakes[] = gettext('carpd does not answer; see the log of the configuration daemon.');
        }
        $text = gettext('The configuration in force was kept.');

        return self::failed($text . "\n" . implode("\n", $mistakes));
    }

    /** Core's button for applying shows `status_msg`. */
    private static function failed($text)
    {
        return ['status' => 'failed', 'message' => $text, 'status_msg' => $text];
    }
}
