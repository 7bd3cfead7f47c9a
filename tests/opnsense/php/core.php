<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * With OPNSENSE_CORE, the folder of a checkout of OPNsense's core, the plugin runs on its real classes; only Phalcon, where it
 * is missing, is a stand-in. Without it, on the stand-ins beside this folder. Whoever loads this brings a client of configd.
 */

$here = dirname(__DIR__);
$plugin = dirname(__DIR__, 3) . '/opnsense-plugin/src/opnsense/mvc/app/';
$core = (string)getenv('OPNSENSE_CORE');

if ($core !== '') {
    $app = $core . '/src/opnsense/mvc/app/';
    if (!extension_loaded('phalcon')) {
        require $here . '/standin/phalcon.php';
    }
    require $app . 'config/AppConfig.php';
    require $app . 'library/OPNsense/Autoload/Loader.php';
    $folders = [];
    foreach ([$plugin, $app] as $base) {
        array_push($folders, $base . 'controllers/', $base . 'models/', $base . 'library/');
    }
    (new OPNsense\Autoload\Loader($folders))->register();
    $temporary = sys_get_temp_dir();
    new OPNsense\Core\AppConfig([
        'application' => [
            'controllersDir' => $app . 'controllers/',
            'modelsDir' => $app . 'models/',
            'viewsDir' => $app . 'views/',
            'libraryDir' => $app . 'library/',
            'contribDir' => $core . '/contrib',
            'configDefault' => '/does/not/exist/config.xml',
            'configDir' => $temporary,
            'cacheDir' => $temporary,
            'tempDir' => $temporary,
        ],
        'globals' => ['debug' => false, 'owner' => 'root:root', 'simulate_mode' => false],
    ]);
} else {
    require $here . '/standin/core.php';
    require $here . '/standin/fields.php';
    require $here . '/standin/request.php';
    spl_autoload_register(function ($class) use ($plugin) {
        foreach (['controllers/', 'models/', 'library/'] as $folder) {
            $file = $plugin . $folder . str_replace('\\', '/', $class) . '.php';
            if (is_file($file)) {
                require_once $file;
            }
        }
    });
}
if (!function_exists('gettext')) {
    function gettext($text)
    {
        return $text;
    }
}
