<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

/**
 * Which page mends a finding of the configuration check.
 */
class Findings
{
    /** The beginning of a finding's key, and the page. The first that fits is taken. */
    private const PAGES = [
        'config.xml' => [
            'virtualip_carp_maintenancemode' => '/ui/carpd/status',
            'virtualip/' => '/ui/interfaces/vip',
            'hasync/' => '/ui/core/hasync',
            'sysctl/' => '/ui/core/tunables',
            'OPNsense/Firewall/Filter/snatrules' => '/ui/firewall/source_nat',
            'OPNsense/Firewall/Filter' => '/ui/firewall/filter',
            'filter/' => '/ui/firewall/filter',
            'nat/outbound' => '/firewall_nat_out.php',
            'OPNsense/Kea' => '/ui/kea/dhcp/v4',
            'dnsmasq/' => '/ui/dnsmasq/settings',
            'OPNsense/radvd' => '/ui/radvd/settings',
            'interfaces' => '/ui/interfaces/overview',
            'gateways' => '/ui/routing/configuration',
            'OPNsense/Gateways' => '/ui/routing/configuration',
            'system/' => '/system_general.php',
        ],
        'carpd.toml' => [
            'service' => '/ui/carpd/settings#services',
            '' => '/ui/carpd/settings#general',
        ],
    ];

    /**
     * @param array $document of carpctl config check
     * @return array the same, each finding with its page where there is one
     */
    public static function withPages($document)
    {
        $pages = self::PAGES[$document['format'] ?? ''] ?? [];
        foreach ($document['findings'] ?? [] as $index => $finding) {
            foreach ($pages as $beginning => $page) {
                if (strncmp((string)($finding['key'] ?? ''), $beginning, strlen($beginning)) === 0) {
                    $document['findings'][$index]['page'] = $page;
                    break;
                }
            }
        }

        return $document;
    }
}
