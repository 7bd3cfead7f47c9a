<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The plugin's API classes behind a web server, on core's classes where OPNSENSE_CORE names a checkout, else on the stand-ins.
 * Signing in, privileges and CSRF are core's and not here.
 */

require __DIR__ . '/configd.php';
require dirname(__DIR__) . '/php/core.php';
require __DIR__ . '/LabSystem.php';

/** The answer to a request as core sends it to a browser, or null where there is no such endpoint. */
function answer(string $path): ?string
{
    $parts = explode('/', substr($path, strlen('/api/carpd/')));
    $camel = fn ($text) => str_replace('_', '', ucwords($text, '_'));
    $class = 'OPNsense\\Carpd\\Api\\' . $camel($parts[0]) . 'Controller';
    $action = lcfirst($camel($parts[1] ?? '')) . 'Action';
    if (!class_exists($class) || !method_exists($class, $action)) {
        return null;
    }
    (new OPNsense\Core\AppConfig())->update('application.configDir', getenv('CARPD_LAB') . '/' . getenv('CARPD_NODE'));
    $_SESSION = ['Username' => 'root'];
    $body = json_decode(file_get_contents('php://input'), true);
    if (is_array($body)) {
        $_POST = $body;
        $_REQUEST = $body + $_REQUEST;
    }
    $controller = new $class();
    $controller->request = new OPNsense\Mvc\Request();
    if (class_exists(OPNsense\Mvc\Response::class)) {
        $controller->response = new OPNsense\Mvc\Response();
    }
    $controller->initialize();
    if (property_exists($controller, 'logged_in_user')) {
        (new ReflectionProperty($controller, 'logged_in_user'))->setValue($controller, 'root');
    }
    try {
        $answer = $controller->$action(...array_map('rawurldecode', array_slice($parts, 2)));
    } catch (OPNsense\Base\UserException $refused) {
        http_response_code(500);
        $answer = ['errorMessage' => $refused->getMessage(), 'errorTitle' => 'carpd'];
    }
    return htmlspecialchars(json_encode($answer, JSON_INVALID_UTF8_IGNORE), ENT_NOQUOTES);
}
