<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Api;

use OPNsense\Base\ApiControllerBase;
use OPNsense\Carpd\Duration;
use OPNsense\Core\Backend;

class MaintenanceController extends ApiControllerBase
{
    private function ask($action, $parameters = [])
    {
        $text = (new Backend())->configdpRun('carpd maintenance ' . $action, $parameters, false, 60, 2);
        $answer = json_decode((string)$text, true);
        if (!is_array($answer)) {
            $message = gettext('The maintenance script gives no answer; see the log of the configuration daemon.');
            return ['result' => 'failed', 'message' => $message];
        }

        return $answer;
    }

    private function change($action, $parameters = [])
    {
        if (!$this->request->isPost()) {
            return ['result' => 'failed', 'message' => gettext('Only POST is allowed.')];
        }
        $this->throwReadOnly();

        return $this->ask($action, $parameters);
    }

    public function showAction()
    {
        return $this->ask('show');
    }

    public function preflightAction()
    {
        return $this->ask('preflight');
    }

    public function enterAction()
    {
        $form = $this->request->getPost('maintenance', null, []);
        $given = [];
        foreach (['reason', 'for', 'force'] as $key) {
            $value = $form[$key] ?? $this->request->getPost($key, null, '');
            $given[] = is_string($value) ? trim($value) : '';
        }
        list($reason, $for, $force) = $given;
        if (strlen($reason) > 200) {
            return ['result' => 'failed', 'message' => gettext('The reason may have at most 200 bytes.')];
        }
        if ($for !== '' && Duration::seconds($for) === null) {
            return ['result' => 'failed', 'message' => gettext('Enter a duration such as 2h or 90m.')];
        }

        return $this->change('enter', [$reason, $for, $force === '1' ? '1' : '0', (string)$this->getUserName()]);
    }

    public function leaveAction()
    {
        return $this->change('leave', [(string)$this->getUserName()]);
    }

    public function repairAction()
    {
        return $this->change('repair');
    }
}
