<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Api;

use OPNsense\Base\ApiMutableModelControllerBase;
use OPNsense\Base\UserException;
use OPNsense\Carpd\Node;
use OPNsense\Core\Config;

class SettingsController extends ApiMutableModelControllerBase
{
    protected static $internalModelName = 'carpd';
    protected static $internalModelClass = 'OPNsense\Carpd\Carpd';

    /**
     * The grids have actions of their own.
     */
    protected function getModelNodes()
    {
        return ['general' => $this->getModel()->general->getNodes()];
    }

    public function getNodeAction()
    {
        return $this->request->isGet() ? ['node' => (new Node())->getNodes()] : [];
    }

    public function setNodeAction()
    {
        if (!$this->request->isPost()) {
            return ['result' => 'failed'];
        }
        $this->throwReadOnly();
        Config::getInstance()->lock();
        $node = new Node();
        $node->setNodes($this->request->getPost('node'));
        $validations = [];
        foreach ($node->performValidation() as $message) {
            $validations['node.' . $message->getField()] = $message->getMessage();
        }
        if ($validations !== []) {
            return ['result' => 'failed', 'validations' => $validations];
        }
        $node->serializeToConfig(false, true);
        Config::getInstance()->save();

        return ['result' => 'saved'];
    }

    public function searchServiceAction()
    {
        $result = $this->searchBase('services.service');
        $probes = [];
        foreach ($this->getModel()->probes->probe->iterateItems() as $probe) {
            $service = (string)$probe->service;
            $probes[$service] = ($probes[$service] ?? 0) + 1;
        }
        foreach ($result['rows'] as &$row) {
            $row['probes'] = $probes[$row['uuid']] ?? 0;
        }

        return $result;
    }

    public function getServiceAction($uuid = null)
    {
        return $this->getBase('service', 'services.service', $uuid);
    }

    public function addServiceAction()
    {
        return $this->addBase('service', 'services.service');
    }

    public function setServiceAction($uuid)
    {
        return $this->setBase('service', 'services.service', $uuid);
    }

    public function delServiceAction($uuid)
    {
        if ($this->request->isPost()) {
            foreach ($this->getModel()->probes->probe->iterateItems() as $probe) {
                if (in_array((string)$probe->service, explode(',', $uuid), true)) {
                    throw new UserException(
                        sprintf(gettext('The probe "%s" is about it; delete that one first.'), $probe->name),
                        gettext('Service in use')
                    );
                }
            }
        }

        return $this->delBase('services.service', $uuid);
    }

    public function toggleServiceAction($uuid, $enabled = null)
    {
        return $this->toggleBase('services.service', $uuid, $enabled);
    }

    public function searchProbeAction()
    {
        return $this->searchBase('probes.probe');
    }

    public function getProbeAction($uuid = null)
    {
        return $this->getBase('probe', 'probes.probe', $uuid);
    }

    public function addProbeAction()
    {
        return $this->addBase('probe', 'probes.probe');
    }

    public function setProbeAction($uuid)
    {
        return $this->setBase('probe', 'probes.probe', $uuid);
    }

    public function delProbeAction($uuid)
    {
        return $this->delBase('probes.probe', $uuid);
    }

    public function toggleProbeAction($uuid, $enabled = null)
    {
        return $this->toggleBase('probes.probe', $uuid, $enabled);
    }
}
